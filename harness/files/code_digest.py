"""A digest of what a file computes: its syntax tree, without imports, docstrings, comments and layout.

Where a name comes from within the project is left out, since files move. Where it comes from in other packages counts:
`from math import log` and `from math import log2 as log` are different formulas.
"""

import ast
import hashlib
from collections.abc import Callable, Iterator

DEEPEST = 100
"""Nodes in each other: a deeper tree (a sum of so many terms, so many `elif`) counts as the text that it is, since
Python has no room for functions that call themselves more often."""

Ours = Callable[[str], bool]
"""Whether a dotted module is a file that the caller follows by itself."""


def code_digest(code: bytes, ours: Ours) -> str:
    """sha256 of a file's code. It is the same in every version of Python that reads the file as the same tree.

    Names that are imported and used count by what they are: by name alone from a module that is `ours`, or a
    relative one; with the module from any other. In which order, and where in the file, does not matter.

    Raises SyntaxError if it is not Python.
    """
    tree = ast.parse(code)
    if _is_deep(tree):
        return hashlib.sha256(code).hexdigest()
    bound = list(bindings(tree, ours))
    tree = CodeAlone().visit(tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = sorted({text for name, text in bound if name in used})
    return hashlib.sha256(repr((imported, as_tuples(tree))).encode()).hexdigest()


def _is_deep(tree: ast.AST) -> bool:
    level = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def bindings(tree: ast.Module, ours: Ours) -> Iterator[tuple[str, str]]:
    """Each name that an import binds, and what it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                original = alias.name.rpartition(".")[2] if ours(alias.name) else alias.name
                yield name, f"{name} is module {original}"
        elif isinstance(node, ast.ImportFrom):
            module = "" if node.level or ours(node.module or "") else node.module
            for alias in node.names:
                name = alias.asname or alias.name
                yield name, f"{name} is {alias.name} from {module}"


class CodeAlone(ast.NodeTransformer):
    """Takes out imports, blocks that held imports alone (`if TYPE_CHECKING:`), and docstrings."""

    def visit_Import(self, node: ast.Import) -> None:
        return None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        # A constant that stands alone computes nothing: it documents a module, a class, a function or a field.
        return None if isinstance(node.value, ast.Constant) else node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return node if node.body or node.orelse else None


def as_tuples(node: object) -> object:
    """The tree without what only some versions of Python have in it: empty fields, and how a string was written."""
    if isinstance(node, list):
        return tuple(as_tuples(part) for part in node)
    if not isinstance(node, ast.AST):
        return node
    fields = ((name, value) for name, value in ast.iter_fields(node) if name != "kind")
    return (type(node).__name__, *((name, as_tuples(value)) for name, value in fields if value not in (None, [])))

"""A digest of what one function computes: its own code, and what of its file, and of the user's other files, it refers
to.

So one function of a file can be edited without the others becoming other functions.
"""

import ast
import hashlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.files.code_digest import CodeAlone, as_tuples, bindings, code_digest
from harness.files.imported_files import files_named, imported_files, named_by
from harness.files.source_text import is_of_this_project

CONSTANT = (int, float, str, bool, bytes, type(None))
DECLARING = ("network", "data_set")
"""Decorators that say something of a function and do not change what it computes."""


def function_digest(function: Callable[..., Any]) -> str:
    """sha256 of a function's code and of all that it refers to, as far as it stands in files of the user's own.

    Of its file count the definitions, assignments and calls at the top level that it needs, directly or not; of another
    file, which it imports from, all of it. Docstrings, comments and layout do not count, nor do the decorators
    @network and @data_set. What is imported from installed packages, and from this project, counts by its name. Of a
    function that another one makes, what it holds of that one's variables counts as well.

    Raises HarnessError for one that stands in no file, or holds what has no digest.
    """
    function = inspect.unwrap(function)
    path = Path(function.__code__.co_filename).resolve()
    if not path.is_file():
        raise HarnessError(
            f"{function.__name__} stands in no file, so that no other process finds it; write it into a file of Python"
        )
    needed = _needed(ast.parse(path.read_bytes()).body, function.__code__.co_firstlineno)
    digest = hashlib.sha256(repr(_held(function)).encode())
    for file in sorted(_files(needed, path)):
        digest.update(_code(file).encode())
    alone = [statement for statement in needed if not isinstance(statement, ast.Import | ast.ImportFrom)]
    used = {name for statement in alone for name in _used(statement)}
    imported = {text for name, text in _bindings(needed, path) if name in used}
    content = [sorted(imported), [as_tuples(CodeAlone().visit(_undecorated(statement))) for statement in alone]]
    digest.update(repr(content).encode())
    return digest.hexdigest()


def _held(function: Callable[..., Any]) -> list[tuple[str, Any]]:
    """The variables of the function around it that it holds, by name."""
    held = inspect.getclosurevars(function).nonlocals
    for name, value in held.items():
        if not _is_constant(value):
            raise HarnessError(
                f"{function.__name__} holds {name}, a {type(value).__name__} of the function around it; define "
                "it at the top of a file, so that a change is seen"
            )
    return sorted(held.items())


def _is_constant(value: object) -> bool:
    return all(map(_is_constant, value)) if isinstance(value, tuple) else isinstance(value, CONSTANT)


def _needed(statements: list[ast.stmt], line: int) -> list[ast.stmt]:
    """The top level's statements that the function which begins there needs, in their order: the one that it stands in,
    and those that bind or change what it uses."""
    needed = {number for number, statement in enumerate(statements) if _first_line(statement) <= line}
    needed = {max(needed)}
    names = {name for number in needed for name in _used(_undecorated(statements[number]))}
    while True:
        more = {
            number
            for number, statement in enumerate(statements)
            if number not in needed and (_bound(statement) & names or _changes(statement, names))
        }
        if not more:
            return [statements[number] for number in sorted(needed)]
        needed |= more
        for number in more:
            names |= {*_used(_undecorated(statements[number]))}


def _first_line(statement: ast.stmt) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)])


def _undecorated(statement: ast.stmt) -> ast.stmt:
    if not isinstance(statement, ast.FunctionDef):
        return statement
    kept = [decorator for decorator in statement.decorator_list if _last_name(decorator) not in DECLARING]
    fields = {name: value for name, value in ast.iter_fields(statement) if name != "decorator_list"}
    return ast.copy_location(ast.FunctionDef(**fields, decorator_list=kept), statement)


def _last_name(decorator: ast.expr) -> str:
    expression = decorator.func if isinstance(decorator, ast.Call) else decorator
    return expression.attr if isinstance(expression, ast.Attribute) else getattr(expression, "id", "")


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement of the top level gives a value, or whose value it changes (`x.a = 1`, `x[0] = 1`)."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}
    found: set[str] = set()
    for node in _of_this_scope(statement):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            base: ast.expr = node
            while isinstance(base, ast.Attribute | ast.Subscript):
                base = base.value
            found |= {base.id} if isinstance(base, ast.Name) else set()
    return found


def _of_this_scope(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a statement, without the insides of the functions and classes in it."""
    yield statement
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        for child in ast.iter_child_nodes(statement):
            yield from _of_this_scope(child)


def _changes(statement: ast.stmt, names: set[str]) -> bool:
    """A call that stands alone may change what it is given (`SIZES.append(3)`), and `from x import *` bind anything."""
    if isinstance(statement, ast.ImportFrom) and any(alias.name == "*" for alias in statement.names):
        return True
    return isinstance(statement, ast.Expr) and bool(names & {*_used(statement)})


def _used(statement: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))


def _bindings(needed: list[ast.stmt], path: Path) -> Iterator[tuple[str, str]]:
    return bindings(ast.Module(needed, []), lambda module: bool(files_named(module, path)))


def _files(needed: list[ast.stmt], path: Path) -> set[Path]:
    """The other files that these statements import from, and those that they import in turn; not this project's."""
    found: set[Path] = set()
    todo = [file for statement in needed for node in ast.walk(statement) for file in named_by(node, path)]
    while todo:
        file = todo.pop()
        if file not in found and file != path and not is_of_this_project(file):
            found.add(file)
            todo += imported_files(file)
    return found


def _code(file: Path) -> str:
    return code_digest(file.read_bytes(), lambda module: bool(files_named(module, file)))

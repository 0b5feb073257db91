"""The measures of this project as their files declare them, read without importing any of them.

What the decorator of a function says in literals, or by a name that its file gives a literal, is what registration will
say. So a name can be checked, and all of them listed, before anything that takes long is imported.
"""

import ast
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from measures.registry import COSTS, PACKAGE

DECORATOR = "measure"
DEFAULTS: Mapping[str, Any] = {"source": "", "version": 1, "cost": COSTS[0]}


@dataclasses.dataclass(frozen=True)
class Declared:
    """A measure by what stands above its function; the fields are those of a registered Measure."""

    name: str
    family: str
    source: str
    version: int
    cost: str
    file: Path


def declared(package: Path = PACKAGE) -> list[Declared]:
    """The measures declared in a package's files, sorted by name; those of files `_*.py` are not of the catalogue.

    Raises ValueError (SyntaxError, for one that is not Python) where a file has to be imported to know what it says.
    """
    found = [measure for file in package.rglob("[!_]*.py") for measure in _declared_in(file)]
    return sorted(found, key=lambda measure: measure.name)


def _declared_in(file: Path) -> Iterator[Declared]:
    content = file.read_bytes()
    if f"@{DECORATOR}(".encode() not in content:
        return
    statements = ast.parse(content, str(file)).body
    constants = {
        target.id: statement.value
        for statement in statements
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for statement in statements:
        if isinstance(statement, ast.FunctionDef):
            for decorator in statement.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == DECORATOR:
                    said = {argument.arg: argument.value for argument in decorator.keywords}
                    try:
                        fields = {
                            name: ast.literal_eval(_resolved(said[name], constants)) if name in said else default
                            for name, default in DEFAULTS.items()
                        }
                    except ValueError as cause:
                        raise ValueError(
                            f"{file}:{statement.lineno}: @measure takes literals here ({cause})"
                        ) from cause
                    yield Declared(statement.name, file.parent.name, file=file, **fields)


def _resolved(value: ast.expr, constants: Mapping[str, ast.expr]) -> ast.expr:
    return constants.get(value.id, value) if isinstance(value, ast.Name) else value

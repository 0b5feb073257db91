"""A replaced function is found however it was replaced, and what did not change is not looked through."""

import types
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from harness.calling import namespaces
from harness.calling.namespaces import Names, has_versions, names_in, patched


def a_module() -> types.ModuleType:
    module = types.ModuleType("a_module")
    vars(module).update(one=len, two=repr, number=1)
    return module


def many_times(place: Any) -> None:
    """As the interpreter does it when it has specialized the instruction."""
    for _ in range(200):
        place.one = str


def in_its_own_code(place: types.ModuleType) -> None:
    exec("def replace():\n    global one\n    one = str\nfor _ in range(200):\n    replace()", vars(place))
    for added in ("replace", "_"):
        vars(place).pop(added)


WAYS: dict[str, Callable[[Any], object]] = {
    "set": lambda place: setattr(place, "one", str),
    "set many times": many_times,
    "updated": lambda place: vars(place).update(one=str),
    "set by its own code": in_its_own_code,
    "deleted": lambda place: delattr(place, "one"),
    "put back after it was another": lambda place: (setattr(place, "two", str), setattr(place, "two", repr)),
}


@pytest.fixture(params=["with versions", "without"])
def versions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "without":
        monkeypatch.setattr(namespaces, "has_versions", lambda: False)


@pytest.mark.parametrize("way", WAYS)
def test_a_function_that_is_another_is_found(way: str, versions: None) -> None:
    module = a_module()
    before = names_in(module)
    WAYS[way](module)
    expected = [] if way.startswith("put back") else ["one"]
    assert [*patched(module, before, names_in(module, before))] == expected


@pytest.mark.parametrize("way", ["set", "set many times", "deleted"])
def test_a_method_that_is_another_is_found(way: str, versions: None) -> None:
    kind = type("Kind", (), {"one": len, "two": repr})
    before = names_in(kind)
    WAYS[way](kind)
    assert [*patched(kind, before, names_in(kind, before))] == ["one"]


def test_what_hides_an_inherited_method_is_found_and_what_a_module_imports_is_not(versions: None) -> None:
    kind = type("Kind", (type("Base", (), {"one": len}),), {})
    module = a_module()
    before = names_in(kind), names_in(module)
    kind.one = str  # type: ignore[attr-defined]
    module.imported = str  # type: ignore[attr-defined]
    assert [*patched(kind, before[0], names_in(kind, before[0]))] == ["one"]
    assert [*patched(module, before[1], names_in(module, before[1]))] == []


def test_what_did_not_change_is_known_by_its_version_alone() -> None:
    class NotCompared(dict[str, Any]):
        def __eq__(self, other: object) -> NoReturn:
            raise AssertionError("compared, which counts a reference to every object in it")

    if not has_versions():
        pytest.skip("this Python gives a dictionary no version")
    for place in (a_module(), type("Kind", (), {"one": len})):
        known = Names(NotCompared(vars(place)), names_in(place).version)
        assert names_in(place, known) is known

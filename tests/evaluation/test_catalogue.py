"""What the measures' files declare, read without importing them, is what registration says."""

import textwrap
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.evaluation import measure_lookup
from harness.evaluation.catalogue import Declared, declared
from harness.evaluation.measure_lookup import check_names, find_measures, list_measures

pytestmark = pytest.mark.usefixtures("own_registry")


def test_of_every_measure_it_says_what_registration_says() -> None:
    measures = [measure for measure in find_measures(["all"]) if measure.origin.startswith("measures.")]
    assert declared() == [
        Declared(measure.name, measure.family, measure.source, measure.version, measure.cost, measure.file)
        for measure in measures
    ]
    assert len(measures) >= 172


def test_the_list_is_that_of_the_registered_measures_up_to_the_cost() -> None:
    for cost in ("fast", "slow", "retrain"):
        registered = [measure for measure in find_measures(["all"], cost) if measure.family != "external"]  # type: ignore[arg-type]
        assert [measure.name for measure in list_measures(["all"], cost)] == [measure.name for measure in registered]  # type: ignore[arg-type]


def written(folder: Path, text: str) -> Path:
    (folder / "norms").mkdir()
    (folder / "norms" / "mine.py").write_text(textwrap.dedent(text))
    return folder


def test_defaults_constants_of_the_file_and_other_decorators_are_read(tmp_path: Path) -> None:
    text = """
    SOURCE = "a paper"

    @measure(source=SOURCE, cost="slow")
    @torch.no_grad()
    def second(trained): ...

    @measure(source="another" " paper", version=2, invariant_to=INVARIANCES)
    def first(trained): ...

    def neither(trained): ...
    """
    file = tmp_path / "norms" / "mine.py"
    assert declared(written(tmp_path, text)) == [
        Declared("first", "norms", "another paper", 2, "fast", file),
        Declared("second", "norms", "a paper", 1, "slow", file),
    ]


@pytest.mark.parametrize("text", ["@measure(source=cite(3))\ndef f(trained): ...", "@measure(\ndef f(:"])
def test_a_file_that_has_to_be_imported_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        declared(written(tmp_path, text))


def test_then_names_are_looked_up_among_what_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable() -> list[Declared]:
        raise ValueError("malformed")

    monkeypatch.setattr(measure_lookup, "declared", unreadable)
    check_names(["l2_norm"])
    assert [measure.name for measure in list_measures(["l2_norm"])] == ["l2_norm"]
    with pytest.raises(HarnessError, match="unknown measure 'l2_nrom'; did you mean 'l2_norm'"):
        list_measures(["l2_nrom"])


def test_files_and_modules_are_not_names() -> None:
    check_names(["gone.py::f, no.such.module:f", "all", "folder/gone.py"])
    with pytest.raises(HarnessError, match="unknown measure 'l2_nrom'"):
        check_names(["gone.py::f, l2_nrom"])

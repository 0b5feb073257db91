"""The contract finds what each misbehaving measure does, and nothing wrong with a good one."""

from pathlib import Path

import pytest

from harness.evaluation import contract
from harness.evaluation.finding import Finding
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.probe import check
from harness.settings import Settings, make_settings
from harness.zoo.build import build
from tests import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]

FILE = ROOT / "tests" / "builders" / "misbehaving_measures.py"

CAUGHT = {
    "raises": "returns_one_finite_number",
    "returns_nan": "returns_one_finite_number",
    "returns_ten_numbers": "returns_one_finite_number",
    "differs_every_time": "repeats",
    "changes_the_model": "leaves_everything_as_it_was",
    "leaves_gradients": "leaves_everything_as_it_was",
    "draws_from_torch": "draws_only_from_its_generator",
    "draws_from_numpy": "draws_only_from_its_generator",
    "draws_from_python": "draws_only_from_its_generator",
    "depends_on_the_order": "does_not_depend_on_the_order_of_examples",
    "hangs": "returns_one_finite_number",
    "kills_its_process": "returns_one_finite_number",
}


@pytest.fixture(scope="module")
def findings(shared_cache: Path) -> dict[tuple[str, str], Finding]:
    settings: Settings = make_settings(cache_dir=str(shared_cache), workers=2, measure_timeout=2)
    models = build(contract.RECIPES, settings, progress=False)
    assert all(model.outcome.fitted for model in models.values())  # a network that never learned hides what moves
    specs = [f"{FILE}::{name}" for name in [*CAUGHT, "well_behaved", "never_applies"]]
    return check("contract", contract.CLAUSES, find_measures(specs), contract.RECIPES, settings, progress=False)


@pytest.mark.parametrize(("name", "clause"), CAUGHT.items())
def test_the_clause_that_it_breaks_says_so(name: str, clause: str, findings: dict[tuple[str, str], Finding]) -> None:
    assert findings[name, clause].problem


@pytest.mark.parametrize("name", ["well_behaved", "never_applies"])
def test_a_well_behaved_measure_breaks_no_clause(name: str, findings: dict[tuple[str, str], Finding]) -> None:
    assert [findings[name, clause.__name__].problem for clause in contract.CLAUSES] == [""] * len(contract.CLAUSES)


def test_clauses_after_one_that_never_ended_are_skipped_with_a_pointer(
    findings: dict[tuple[str, str], Finding],
) -> None:
    assert "within 2 s" in findings["hangs", "returns_one_finite_number"].problem
    assert findings["hangs", "repeats"].skipped.startswith("returns_one_finite_number did not end")

"""A new measure is tried on one tiny network before anything is trained; what is known is not tried again."""

from pathlib import Path

import pytest

from harness.evaluation.first_try import NETWORK, network_for, new_among, try_first
from harness.evaluation.measure_lookup import find_measures
from harness.settings import Settings
from harness.store.store import store_of
from harness.zoo.opening import opened
from harness.zoo.zoos import ZOOS
from measures.registry import Measure
from tests import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_registry")]

MISBEHAVING = ROOT / "tests" / "builders" / "misbehaving_measures.py"


def some(*names: str) -> list[Measure]:
    return find_measures([f"{MISBEHAVING}::{name}" for name in names])


def test_what_gives_no_value_is_found_and_what_the_others_gave_is_said_in_one_line_each(settings: Settings) -> None:
    said: list[str] = []
    names = ["draws_from_torch", "never_applies", "raises", "returns_nan", "well_behaved"]
    found = try_first(some(*names), settings, said.append)
    assert {name: row.reason.split(" (")[0] for name, row in found.items()} == {
        "draws_from_torch": "it changed torch's global random state",
        "raises": "it raised ValueError: something in it broke",
        "returns_nan": "it returned nan; return a finite float, or raise NotApplicable with a reason",
    }
    applies, value = said
    assert applies.startswith("tried on one tiny network first: never_applies is not applicable (it never does), in ")
    assert value.startswith("tried on one tiny network first: well_behaved gave ")
    assert [recipe for recipe in (NETWORK,) if store_of(settings).holds(recipe)] == [NETWORK]
    assert len([*store_of(settings).models.glob("*/*")]) == 1


def test_what_has_a_row_as_it_stands_is_not_tried_again_and_what_was_edited_is(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from measures import measure\n@measure(source='a test')\ndef one(trained):\n    return 1.0\n")
    for expected in (["one"], []):
        measures = find_measures([f"{file}::one"])
        assert [measure.name for measure in new_among(measures, settings)] == expected
        assert try_first(measures, settings, lambda text: None) == {}
    edited = tmp_path / "edited.py"  # of this one the process has no digest yet
    edited.write_text(file.read_text().replace("1.0", "2.0"))
    assert [measure.name for measure in new_among(find_measures([f"{edited}::one"]), settings)] == ["one"]


DIGITS_RECORDS = ROOT / "baselines" / "digits"


def test_recorded_measures_of_this_project_are_not_tried(settings: Settings) -> None:
    recorded = [measure for measure in find_measures(["all"]) if (DIGITS_RECORDS / f"{measure.name}.json").exists()]
    assert len(recorded) > 200
    assert try_first(recorded, settings, pytest.fail) == {}
    assert not store_of(settings).holds(NETWORK)


def test_a_measure_that_cannot_be_imported_is_told_before_anything_is_trained(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("import no_such_module\n")
    measures = find_measures([f"{tmp_path}/broken.py::mine", "l2_norm"])
    (row,) = try_first(measures, settings, lambda text: None).values()
    assert "No module named 'no_such_module'" in row.reason


def test_where_inputs_are_no_images_the_zoos_own_first_network_is_tried(settings: Settings) -> None:
    zoo, settings = opened(f"{ROOT}/suites/examples/table_zoo.py::wines", settings)
    network = network_for(zoo)
    assert (network.network, network.num_train, network.max_epochs) == ("layers_1x128", 100, 2)
    said: list[str] = []
    assert try_first(some("well_behaved"), settings, said.append, network=network) == {}
    assert said[-1].startswith("tried on one tiny network first: well_behaved gave ")
    assert network_for(ZOOS["digits"]) == NETWORK

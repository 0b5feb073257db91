"""What is recorded on the zoos of larger images: whole, and every verdict in it follows from its rows."""

from typing import Any

import pytest

from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.source_digest import source_digest
from harness.leaderboard.recompute import rejudged
from harness.records.record_files import read_record
from harness.zoo.definition import zoo_of
from harness.zoo.zoo import GATE, Zoo, recipes
from harness.zoo.zoos import ZOOS
from tests import ROOT
from tests.records.oracle import oracle_verdict

pytestmark = pytest.mark.slow  # every record is read

RECORDED = ["mnist-small", "cifar10-small"]


@pytest.fixture(scope="module", params=RECORDED)
def record(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read_record(ROOT / "baselines" / request.param)


@pytest.fixture(scope="module")
def zoo(record: dict[str, Any]) -> Zoo:
    """As it was recorded: where the data are class folders, with the digest of their contents."""
    return zoo_of(record["zoo"]["definition"])


def test_it_is_the_zoo_as_it_is_now_but_for_where_its_data_came_from(record: dict[str, Any], zoo: Zoo) -> None:
    now = ZOOS[zoo.name]
    assert (zoo.units, zoo.seeds_per_network, zoo.grid) == (now.units, now.seeds_per_network, now.grid)
    found = {name: value for name, value in zoo.training.items() if name != "data_sha256"}
    assert (found, zoo.num_train) == (now.training, now.num_train)


def test_every_model_of_the_gate_fits_and_only_natural_ones_generalize(record: dict[str, Any], zoo: Zoo) -> None:
    models = {recipe: record["zoo"]["models"][recipe.id] for recipe in recipes(zoo, GATE)}
    assert all(model["fitted"] for model in models.values())
    natural = [model["test_error"] for recipe, model in models.items() if recipe.condition == "true_labels"]
    assert max(natural) < {"mnist-small": 0.1, "cifar10-small": 0.7}[zoo.name]
    # Random pixels keep how much ink an image has, which tells MNIST's ones.
    least = {"mnist-small": 0.75, "cifar10-small": 0.8}[zoo.name]
    assert min(model["test_error"] for recipe, model in models.items() if recipe.condition != "true_labels") > least


@pytest.mark.parametrize("condition", GATE)
def test_the_gap_as_an_oracle_wins_every_unit_and_its_negation_loses_them(
    record: dict[str, Any], zoo: Zoo, condition: Any
) -> None:
    for sign, status in ((1, "separates"), (-1, "inverted")):
        verdict = oracle_verdict(record, zoo, condition, sign)
        assert (verdict.status, max(verdict.won, verdict.lost)) == (status, len(zoo.units))


def test_every_recorded_verdict_follows_from_the_rows(record: dict[str, Any], zoo: Zoo) -> None:
    for entry in record["entries"]:
        for condition in GATE:
            again, suite = rejudged(entry, record["zoo"], zoo, condition), entry["suites"][condition]
            assert (again.status, again.won, again.lost) == tuple(suite[name] for name in ("verdict", "won", "lost"))


def test_every_fast_measure_is_recorded_as_it_stands_here(record: dict[str, Any]) -> None:
    recorded = {entry["measure"]: (entry["version"], entry["source_sha256"]) for entry in record["entries"]}
    measures = {m.name: m for m in find_measures(["all"]) if m.origin.startswith("measures.")}
    assert {name for name, measure in measures.items() if measure.cost == "fast"} <= recorded.keys()
    here = {name: (measures[name].version, source_digest(measures[name].file)) for name in recorded}
    assert recorded == here

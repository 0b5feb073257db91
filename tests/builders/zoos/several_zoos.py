"""Records of several zoos without any training, and what they say of units, made up."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.judging.units.decision import Unit, UnitDecision
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import gate_verdict, judge
from harness.leaderboard.across.witnessed import COUNTS_PARAMETERS, Witnessed
from harness.records.record import digest_of_models, suite_of
from harness.records.record_files import read_record
from harness.records.schema import CONTROLS, SCHEMA_VERSION, sealed
from harness.training.recipe import TRAINING_VERSION, Recipe
from harness.zoo.definition import definition_of
from harness.zoo.zoo import GATE, Zoo, recipes, twins
from tests.builders import constructed_zoo as made
from tests.builders.digits_records import GATE_ALONE

WIDTHS = (16, 24, 32, 40, 48, 56, 64, 72, 80, 512)
ONE = Zoo("one", "digits", {f"mlp_1x{width}": 0.3 for width in WIDTHS}, seeds_per_network=1, num_train=100)
TWO = Zoo("two", "digits", {f"mlp_1x{width + 1}": 0.3 for width in WIDTHS[:-1]} | {"mlp_1x512": 0.1}, 1, 200)
"""Two zoos of ten units each; they have one of them, the widest, in common."""

COUNTS = {"won": (3, 0, 0), "lost": (0, 0, 3), "neither": (1, 1, 1), "no value": (0, 0, 0)}


def decided(unit: Unit, how: str) -> UnitDecision:
    """A unit of three seeds that is won, lost, neither, or without a value."""
    return UnitDecision(unit, *COUNTS[how], 3)


def says(
    measure: str, units: Mapping[Unit, str], zoo: str = "one", family: str = "norms", version: int = 1, origin: str = ""
) -> Witnessed:
    """A record that says the same of units under every condition."""
    decisions = {condition: {unit: decided(unit, how) for unit, how in units.items()} for condition in GATE}
    return Witnessed(zoo, measure, version, origin, family, decisions, {})


def run_on(zoo: Zoo, values: Mapping[str, made.Value], family: str = "norms") -> dict[str, Any]:
    """The gate's records of a zoo that was never trained: outcomes and values that follow from the recipes.

    A measure named `parameter_count` is a control.
    """
    models = {
        recipe.id: {"key": recipe.key, "recipe": recipe.canonical()}
        | dataclasses.asdict(made.outcome(recipe))
        | {"weights_sha256": recipe.key, "data_sha256": "d" * 64}
        for recipe in recipes(zoo, zoo.gate)
    }
    about = {"training_version": TRAINING_VERSION, "data_set": zoo.data_described, "data_sha256": "d" * 64}
    described = {"name": zoo.name, "digest": digest_of_models(zoo, models), **about}
    described |= {"definition": definition_of(zoo), "models": models}
    records = [_record(zoo, described, name, value, family) for name, value in sorted(values.items())]
    return {"schema_version": SCHEMA_VERSION, "zoo": described, "entries": records}


def _record(zoo: Zoo, described: Mapping[str, Any], name: str, value: made.Value, family: str) -> dict[str, Any]:
    verdicts = {each: judge(name, each, by_unit(twins(zoo, each)), made.rows(value), made.gap) for each in zoo.gate}
    family = CONTROLS if name == COUNTS_PARAMETERS else family
    like = read_record(GATE_ALONE)["entries"][0]
    found = {recipe.id: value(recipe) for recipe in recipes(zoo, zoo.gate)}
    measured = {
        **{each: like[each] for each in ("environment", "version", "cost", "source", "invariant_to", "source_sha256")},
        **{"measure": name, "family": family, "origin": f"measures.{family}.{name}", "contract": None},
        **{"seconds_per_model": 0.0, "complete": True, "findings": {}},
        "verdict": gate_verdict({each: verdict.status for each, verdict in verdicts.items()}, zoo.gate),
        "suites": {each: suite_of(verdict) for each, verdict in verdicts.items()},
        "rows": {each: [number, 0.0] for each, number in found.items()},
        "reasons": {each: ["not_applicable", "no value"] for each, number in found.items() if number is None},
    }
    return sealed(measured, described)


def weights_of(recipe: Recipe) -> float:
    """How many weights an MLP of one hidden layer has on the digits."""
    width = int(recipe.network.removeprefix("mlp_1x"))
    return float(65 * width + (width + 1) * 10)

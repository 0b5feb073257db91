"""Records of the digits zoo in a folder of their own, and records altered with a digest that is right.

Those of all suites are constructed (constructed_zoo.py): known measures' names on made-up values, as suites would
record them.
"""

import copy
import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.judging.plan import all_recipes
from harness.judging.questions import QUESTIONS
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import gate_verdict, judge
from harness.records.record import digest_of_models, round_number, suite_of
from harness.records.record_files import ZOO_FILE, as_text, read_record, write_record
from harness.records.schema import SCHEMA_VERSION, digest_of, sealed
from harness.training.recipe import TRAINING_VERSION, Recipe
from harness.zoo.definition import definition_of
from harness.zoo.zoo import recipes, twins
from tests import ROOT
from tests.builders import constructed_zoo as made

GATE_ALONE = ROOT / "tests" / "data" / "records" / "4.0.json"
OLDER = ROOT / "tests" / "data" / "records" / "3.0.json"
NOT_ASKED = ("hyperparameters",)  # its permutations take seconds


AGAINST = (("noisy_digits", "mlp_1x512"), ("noisy_digits", "mlp_3x256"))


def noisy_gap(recipe: Recipe) -> float:
    """The gap with some noise, and wrong in two units of 18, where it is the smaller the larger the gap: of 16 that are
    needed it wins 16."""
    sign = -1 if (recipe.data_set, recipe.network) in AGAINST else 1
    return sign * made.gap(recipe) + 0.01 * made.noise(recipe, "noisy gap")


VALUES: dict[str, made.Value] = {
    "l2_norm": noisy_gap,
    "path_norm": made.gap,
    "margin_median": made.neighbours,
    "spectral_norm": made.coin,
    "constant": made.constant,
    "epochs_to_stop": made.clock,
    "parameter_count": made.parameters,
}
"""What stands under the name of a measure."""

ABOUT = {
    "l2_norm": ("norms", "measures.norms.l2_norm"),
    "path_norm": ("norms", "measures.norms.path_norm"),
    "margin_median": ("margins", "measures.margins.margin_median"),
    "spectral_norm": ("norms", "measures.norms.spectral_norm"),
}
"""Family and origin; of all others, those of controls."""


@functools.cache
def zoo_described() -> dict[str, Any]:
    """The digits zoo as a record has it, with constructed outcomes."""
    zoo = made.DIGITS
    models = {
        recipe.id: {"key": recipe.key, "recipe": recipe.canonical()}
        | dataclasses.asdict(made.outcome(recipe))
        | {"weights_sha256": recipe.key, "data_sha256": "d" * 64}
        for recipe in all_recipes(zoo)
    }
    return {
        "name": zoo.name,
        "digest": digest_of_models(zoo, models),
        "training_version": TRAINING_VERSION,
        "data_set": zoo.data_described,
        "data_sha256": "d" * 64,
        "definition": definition_of(zoo),
        "models": models,
    }


@functools.cache
def _made_record(measure: str, asked: tuple[str, ...]) -> dict[str, Any]:
    zoo, row = made.DIGITS, made.rows(VALUES[measure])
    verdicts = {name: judge(measure, name, by_unit(twins(zoo, name)), row, made.gap) for name in zoo.gate}
    questions = [question for question in QUESTIONS if question.name in asked]
    wanted = [*recipes(zoo, zoo.gate), *(recipe for question in questions for recipe in question.recipes(zoo))]
    values = {recipe.id: VALUES[measure](recipe) for recipe in wanted}
    verdict = gate_verdict({name: found.status for name, found in verdicts.items()}, zoo.gate)
    family, origin = ABOUT.get(measure, ("controls", f"measures.controls.{measure}"))
    like = read_record(GATE_ALONE)["entries"][0]
    measured = {
        **{name: like[name] for name in ("environment", "version", "cost", "source", "invariant_to", "source_sha256")},
        **{"measure": measure, "family": family, "origin": origin, "contract": None, "seconds_per_model": 0.0},
        "verdict": verdict,
        "complete": True,
        "suites": {name: suite_of(found) for name, found in verdicts.items()},
        "findings": {
            question.name: {
                clause.__name__: round_number(dataclasses.asdict(clause(zoo, row, made.outcome)))
                for clause in question.clauses
            }
            for question in questions
        },
        "rows": {name: [value, 0.0] for name, value in values.items()},
        "reasons": {name: ["not_applicable", "no value"] for name, value in values.items() if value is None},
    }
    return sealed(measured, zoo_described())


def record_of(measure: str, *asked: str) -> dict[str, Any]:
    """A constructed record with the findings of these suites; of all but NOT_ASKED if none is named."""
    every = tuple(question.name for question in QUESTIONS if question.name not in NOT_ASKED)
    return copy.deepcopy(_made_record(measure, asked or every))


def run_of(*measures: str) -> dict[str, Any]:
    """A run with the constructed records of these measures."""
    entries = [record_of(name) for name in sorted(measures)]
    return {"schema_version": SCHEMA_VERSION, "zoo": copy.deepcopy(zoo_described()), "entries": entries}


def gate_run_of(*measures: str) -> dict[str, Any]:
    """The same with what the gate needs alone."""
    described = copy.deepcopy(zoo_described())
    gate = {recipe.id for recipe in recipes(made.DIGITS, made.DIGITS.gate)}
    described["models"] = {name: model for name, model in described["models"].items() if name in gate}
    entries = [record_of(name, "the gate alone") for name in sorted(measures)]
    return {"schema_version": SCHEMA_VERSION, "zoo": described, "entries": entries}


def another_zoo(run: Mapping[str, Any], *measures: str) -> dict[str, Any]:
    """A run on a zoo of one's own, of the data sets mnist and cifar10: the gate alone of these measures of a run."""
    text = json.dumps({**run, "entries": [record for record in run["entries"] if record["measure"] in measures]})
    other: dict[str, Any] = json.loads(text.replace("noisy_digits", "cifar10").replace("digits", "mnist"))
    for described in (other["zoo"], other["zoo"]["definition"], *(record["zoo"] for record in other["entries"])):
        described["name"] = "both"
    for record in other["entries"]:
        record["findings"] = {}
        record["digest"] = digest_of(record)
    return other


def some_records(root: Path, *measures: str) -> Path:
    """`root`/digits with the zoo's file and the constructed records of these measures."""
    folder = root / "digits"
    folder.mkdir(parents=True)
    run = run_of(*measures)
    (folder / ZOO_FILE).write_text(as_text({name: run[name] for name in ("schema_version", "zoo")}))
    for record in run["entries"]:
        (folder / f"{record['measure']}.json").write_text(as_text(record))
    return folder


def gate_records(root: Path) -> Path:
    """The same of l2_norm and parameter_count, as they were measured, with what the gate needs alone."""
    folder = root / "digits"
    folder.mkdir(parents=True)
    write_record(read_record(GATE_ALONE), folder)
    return folder


def altered(path: Path, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The record at `path` changed there, by somebody who knows how the digest is made."""
    record: dict[str, Any] = json.loads(path.read_text())
    change(record)
    record["digest"] = digest_of(record)
    path.write_text(as_text(record))
    return copy.deepcopy(record)

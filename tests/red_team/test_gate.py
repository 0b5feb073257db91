"""The attacks as nulls: through the judge, on a zoo of enough units, none of them passes.

Random labels are asked first, as most attacks know these best; whoever does not tell them does not pass the gate.
"""

import json
from pathlib import Path

import pytest

from harness.evaluation.rows import Row
from harness.judging.units.witnesses import by_unit
from harness.judging.verdict import Verdict, judge
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, recipes, twins
from tests.red_team.conftest import Field, Rows, is_random, names_in, set_out

pytestmark = pytest.mark.slow

FILES = ("answers", "counters", "data", "files", "forgeries", "heap", "kernel", "leftovers", "network")
FILES += ("outside", "patches", "seeds", "steps")
"""All attacks but those that never come to an end: these have no value, as the tests of harm say."""
CONDITION = "random_labels"
BY_CHANCE = {"clock", "number_of_the_process", "times_of_the_store"}
"""Another number in every call, in an order that says nothing; and when others, as tests beside this one, last read."""


@pytest.fixture(scope="module")
def arena(
    tiny_zoo: Zoo,
    settings_of_the_field: Settings,
    listeners: dict[str, object],
    shared_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Field:
    """All twins of a condition, ten units."""
    chosen = recipes(tiny_zoo, [CONDITION])
    return set_out(chosen, settings_of_the_field, listeners, shared_cache, tmp_path_factory.mktemp("arena"))


def verdict(name: str, rows: Rows, zoo: Zoo, field: Field) -> Verdict:
    def row(recipe: Recipe) -> Row:
        return rows[name, recipe]

    return judge(name, CONDITION, by_unit(twins(zoo, CONDITION)), row, lambda recipe: field.models[recipe].outcome.gap)


@pytest.mark.long
def test_no_attack_tells_random_labels(tiny_zoo: Zoo, arena: Field) -> None:
    fought = arena.run(*FILES)
    names = names_in(fought)
    found = {name: verdict(name, fought, tiny_zoo, arena) for name in names}
    statuses = [each.status for each in found.values()]
    print(f"{len(names)} attacks:", {status: statuses.count(status) for status in sorted(set(statuses))})
    assert len(names) > 130
    assert {name: each.explain() for name, each in found.items() if each.passes} == {}
    assert {name for name, each in found.items() if each.won} <= BY_CHANCE


def test_who_has_the_answers_would_pass(arena: Field, tiny_zoo: Zoo) -> None:
    """So that the test above can fail."""
    answers = {*json.loads(arena.answers.read_text()).values()}
    rows = {
        ("oracle", recipe): Row("oracle", 1, "", recipe.key, "", "value", is_random(recipe), "", 0.0)
        for recipe in arena.models
    }
    assert answers == {0.0, 1.0}
    assert verdict("oracle", rows, tiny_zoo, arena).passes

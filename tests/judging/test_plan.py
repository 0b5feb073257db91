"""What suites ask for as models, each once; and which of them a record describes."""

import pytest

from harness.evaluation import contract
from harness.judging.plan import Plan, models_to_judge_on, models_wanted, repeated
from harness.judging.questions import early_stopping
from harness.zoo.zoo import GATE, recipes
from tests.conftest import TINY


def test_a_plan_of_nothing_needs_no_model() -> None:
    assert Plan(zoo=TINY).nothing
    assert models_wanted(Plan(zoo=TINY)) == []


@pytest.mark.parametrize("asked", ["gate", "values"])
def test_a_condition_needs_its_twins_whether_for_verdicts_or_for_values(asked: str) -> None:
    plan = Plan(zoo=TINY, **{asked: {"gaussian": ()}})
    assert models_wanted(plan) == models_to_judge_on(plan) == recipes(TINY, ["gaussian"])


def test_models_that_several_suites_need_are_named_once_and_those_of_probes_are_not_judged_on() -> None:
    plan = Plan(
        zoo=TINY,
        gate=dict.fromkeys(GATE, ()),
        values={"random_labels": ()},
        questions=[(early_stopping.QUESTION, ())],
        probes=[(contract.PROBE, ())],
    )
    judged_on = {*recipes(TINY, GATE), *early_stopping.recipes(TINY)}
    assert len(models_to_judge_on(plan)) == len(judged_on) and {*models_to_judge_on(plan)} == judged_on
    assert len(models_wanted(plan)) == len({*models_wanted(plan)})
    assert {*models_wanted(plan)} - judged_on == {*contract.PROBE.recipes(TINY)}


def test_one_natural_model_of_every_network_is_evaluated_twice() -> None:
    found = repeated(TINY)
    assert {recipe.network for recipe in found} == TINY.networks.keys()
    assert len(found) == len(TINY.networks) and {recipe.condition for recipe in found} == {"true_labels"}

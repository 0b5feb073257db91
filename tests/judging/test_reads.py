"""What a measure reads, and what suffices: of measures that are made of known parts, and of made-up values by hand."""

import dataclasses
import functools
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import NoVerdict
from harness.evaluation.any_callable import measure_from
from harness.evaluation.blinding import PARTS, Part
from harness.evaluation.finding import Finding
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.rows import Row
from harness.judging.measure_here import measure_here
from harness.judging.plan import Plan, models_to_judge_on, without
from harness.judging.reads import blinded_models, what_it_reads
from harness.judging.results import Results
from harness.judging.run import Work, measure, recall, train
from harness.judging.units.decision import Unit, UnitDecision
from harness.judging.what_suffices import Answer
from harness.records.blinded_values import blinded_field, blinded_rows_of
from harness.settings import make_settings
from harness.training.recipe import Recipe
from harness.zoo.zoo import Zoo, recipes
from harness.zoo.zoos import ZOOS
from measures.trained_model import TrainedModel
from tests.builders.constructed_zoo import noise
from tests.conftest import TINY

pytestmark = pytest.mark.usefixtures("own_registry")

DIGITS = ZOOS["digits"]


@dataclasses.dataclass(frozen=True)
class Given:
    """What a measure is given of a model, a number each: 1 and more of a randomized one, less than 0.1 otherwise."""

    network: float
    history: float
    data: float
    initial_weights: float
    retraining: float | None


Value = Callable[[Given], float | None]


@functools.cache
def whole(recipe: Recipe) -> Given:
    natural = recipe.condition == "true_labels"
    drawn = {part: 0.05 * (1 + noise(recipe, part)) + (not natural) for part in ("network", "history", "data")}
    seed = dataclasses.replace(recipe, condition="true_labels")  # twins begin alike
    return Given(**drawn, initial_weights=0.01 * noise(seed, "init"), retraining=drawn["data"])


def hidden(part: Part, recipe: Recipe) -> Given:
    given, natural = whole(recipe), whole(dataclasses.replace(recipe, condition="true_labels"))
    if part == "network_and_history":
        return dataclasses.replace(given, network=given.initial_weights, history=natural.history)
    other: dict[Part, float | None] = {
        "network": given.initial_weights,
        "history": natural.history,
        "initial_weights": given.initial_weights + 0.3,
        "retraining": None,
    }
    return dataclasses.replace(given, **{part: other[part]})


def row_of(value: float | None, recipe: Recipe) -> Row:
    status, reason = ("value", "") if value is not None else ("not_applicable", "it lacks something")
    return Row("made_up", 1, "", recipe.id, "", status, value, reason, 0.0)  # type: ignore[arg-type]


def asked(value: Value, zoo: Zoo = DIGITS) -> Finding:
    return what_it_reads(
        zoo,
        lambda recipe: row_of(value(whole(recipe)), recipe),
        lambda part, recipe: row_of(value(hidden(part, recipe)), recipe),
    )


SEPARATING = ("network", "history", "data", "retraining")
ALL = (*SEPARATING, "initial_weights")


def total(*parts: str) -> Value:
    """The sum of these parts: it separates if one of those is there that do."""

    def value(given: Given) -> float | None:
        found = [getattr(given, part) for part in parts]
        return None if None in found else sum(found)

    return value


@pytest.mark.parametrize("parts", [some for count in range(1, 6) for some in combinations(ALL, count)])
def test_a_sum_of_parts_reads_just_these_and_the_least_of_them_suffices(parts: tuple[str, ...]) -> None:
    found = asked(total(*parts))
    assert {part for part in PARTS if found.numbers[f"moved_by_{part}"]} - {"network_and_history"} == {*parts} - {
        "data"
    }
    assert found.numbers["reads_data"] == bool({"data", "retraining"} & {*parts})
    if parts == ("initial_weights",):
        expected = "does_not_separate"
    elif "retraining" in parts:
        expected = "retraining_suffices"
    elif "data" in parts:
        expected = "data_suffices"
    else:
        expected = "history_suffices" if "history" in parts else "needs_the_network"
    assert (found.status, found.problem, found.skipped) == (expected, "", "")


def test_what_takes_the_smaller_of_two_parts_needs_both() -> None:
    found = asked(lambda given: min(given.network, given.history))
    assert found.status == "needs_network_and_history"
    assert (
        found.detail == "network, history; separates without the network: no, without history: no, without either: no"
    )


def test_the_answer_of_the_terminal_says_what_suffices() -> None:
    assert asked(total("network", "history")).detail == (
        "network, history; separates without the network: yes (history suffices), without history: yes, "
        "without either: no"
    )
    assert asked(total("data")).detail == "data; separates without the network: yes (data suffices)"
    retraining = asked(total("retraining")).detail
    assert retraining == (
        "retraining, data; separates without the network: yes (retraining suffices), without retraining: not applicable"
    )
    assert asked(lambda given: 1.0).detail == "nothing that differs; separates nothing"


def test_the_numbers_are_units_that_are_won_and_shares_of_models_that_move() -> None:
    numbers = asked(total("history")).numbers
    assert (numbers["units"], numbers["won"]) == (18, 18)
    assert (numbers["won_without_network"], numbers["won_without_history"]) == (18, 0)
    assert numbers["moved_by_history"] == pytest.approx(54 / 72)  # a natural model has its own history in any case
    assert numbers["moved_by_network"] == 0


def test_of_what_separates_under_one_condition_that_one_is_asked() -> None:
    def rises(recipe: Recipe, given: Given) -> float:
        """The natural twin's history under gaussian inputs, so that these tie."""
        natural = dataclasses.replace(recipe, condition="true_labels")
        return given.history if recipe.condition != "gaussian" else whole(natural).history

    found = what_it_reads(
        DIGITS,
        lambda recipe: row_of(rises(recipe, whole(recipe)), recipe),
        lambda part, recipe: row_of(rises(recipe, hidden(part, recipe)), recipe),
    )
    assert found.status == "history_suffices"
    assert found.detail == (
        "history; separates random labels and random pixels alone; without the network: yes (history suffices), "
        "without history: no"
    )
    assert found.numbers["won"] == 0


def test_a_tie_that_is_broken_at_the_ninth_digit_is_not_read() -> None:
    found = asked(lambda given: given.data + 1e-9 * given.history)
    assert (found.status, found.numbers["moved_by_history"]) == ("data_suffices", 0)


def test_an_epsilon_beside_rounded_data_which_have_no_spread_over_seeds_is_not_read() -> None:
    found = asked(lambda given: round(given.data) + 1e-9 * given.history + 1e-9 * given.network)
    assert (found.status, found.numbers["moved_by_history"], found.numbers["moved_by_network"]) == (
        "data_suffices",
        0,
        0,
    )


def test_where_nothing_is_left_without_the_network_it_is_not_known_whether_data_are_read() -> None:
    found = asked(lambda given: given.network if given.network != given.initial_weights else None)
    assert found.status == "needs_the_network"
    assert found.detail == "network (of data it is not known); separates without the network: not applicable"
    assert "reads_data" not in found.numbers


def test_a_measure_without_values_is_not_asked_and_one_that_fails_when_blinded_has_its_answer() -> None:
    found = asked(lambda given: None)
    assert (found.status, found.skipped.endswith("it lacks something"), found.problem) == ("not_applicable", True, "")

    def fails(part: Part, recipe: Recipe) -> Row:
        return dataclasses.replace(row_of(None, recipe), status="error", reason="it returned nan")

    found = what_it_reads(DIGITS, lambda recipe: row_of(whole(recipe).network, recipe), fails)
    assert (found.status, found.problem, found.skipped) == ("needs_network_and_history", "", "")
    assert "without the network: error" in found.detail


def one_unit_each(won: int, of: int) -> list[UnitDecision]:
    """Units of so many networks, the first of them won."""
    return [UnitDecision(Unit("", f"n{n}"), int(n < won), int(n >= won), 0, 1) for n in range(of)]


def test_enough_units_are_those_of_the_gate() -> None:
    won = Answer({"random_labels": one_unit_each(13, of=14), "gaussian": one_unit_each(12, of=14)})
    assert won.separates == ["random_labels"]
    assert (won.units, won.won) == (14, {"random_labels": 13, "gaussian": 12})
    assert Answer({"random_labels": one_unit_each(9, of=9)}).separates == []


def test_what_tells_no_unit_of_some_network_separates_as_little_as_at_the_gate() -> None:
    """17 of 18 units are enough, those of nine networks of ten are not."""

    def without(lost: Unit) -> Finding:
        def row(recipe: Recipe) -> Row:
            natural = dataclasses.replace(recipe, condition="true_labels")
            told = Unit(recipe.data_set, recipe.network) != lost
            return row_of(whole(recipe if told else natural).network, recipe)

        return what_it_reads(DIGITS, row, lambda part, recipe: row(recipe))

    alone, one_of_two = without(Unit("digits", "vit_small")), without(Unit("noisy_digits", "mixer_small_p4"))
    assert alone.numbers["won"] == one_of_two.numbers["won"] == 17
    assert (alone.status, one_of_two.status) == ("does_not_separate", "data_suffices")


@settings(max_examples=15)
@given(
    shift=st.sampled_from([-1e6, 0.0, 1e6]),
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
    parts=st.sets(st.sampled_from(ALL)),
)
def test_shift_and_scale_of_a_measure_change_no_answer(shift: float, scale: float, parts: set[str]) -> None:
    value = total(*sorted(parts))

    def other(given: Given) -> float | None:
        found = value(given)
        return None if found is None else scale * (found + shift)

    one, another = asked(value), asked(other)
    assert (one.status, one.detail) == (another.status, another.detail)


def test_the_models_of_first_seeds_are_blinded_and_the_natural_history_is_no_blinding_of_a_natural_one() -> None:
    models = blinded_models(DIGITS, lambda recipe: f"weights of {recipe.id}")
    count = {part: sum(of == part for of, _ in models) for part in PARTS}
    assert count == {"network": 72, "history": 54, "network_and_history": 54, "initial_weights": 72, "retraining": 72}
    assert len({model.recipe.seed for model in models.values()}) == 18
    for (part, recipe), model in models.items():
        assert (model.part, model.recipe) == (part, recipe)
        assert model.natural == dataclasses.replace(recipe, condition="true_labels")
        assert model.natural_weights == f"weights of {model.natural.id}"


def test_a_record_gives_the_same_answer_again() -> None:
    value = total("network", "retraining")
    models = blinded_models(DIGITS, lambda recipe: "")
    field = blinded_field({about: row_of(value(hidden(*about)), about[1]) for about in models})
    record = {"measure": "made_up", "version": 1, "source_sha256": "", **field}
    again = what_it_reads(DIGITS, lambda recipe: row_of(value(whole(recipe)), recipe), blinded_rows_of(record))
    assert again == asked(value)
    assert field["blinded"]["retraining"][recipes(DIGITS, ["gaussian"])[0].id] == [
        "not_applicable",
        "it lacks something",
    ]
    with pytest.raises(KeyError, match="digits-mlp_1x512"):
        blinded_rows_of({**record, "blinded": {}})("network", DIGITS.natural("mlp_1x512", 0))
    assert blinded_field({}) == {}


EXPECTED = {
    "l2_norm": {"network"},
    "distance_from_init": {"network", "initial_weights"},
    "training_loss_sum": {"history"},
    "neighbour_disagreement": set(),
    "constant": set(),
}


@pytest.mark.slow
def test_real_measures_read_what_they_are_made_of(shared_cache: Path, tiny_zoo: Zoo) -> None:
    measures = find_measures([",".join(EXPECTED)])
    there = make_settings(cache_dir=str(shared_cache), workers=2)
    plan, work = Plan(zoo=tiny_zoo, blinded=measures), Work(there, progress=False)
    known = measure(plan, train(plan, Results(tiny_zoo), work), work)
    assert known.unmeasured == ""
    found = {measure.name: known.reads(measure) for measure in measures}
    for name, parts in EXPECTED.items():
        moved = {part for part in PARTS if found[name].numbers[f"moved_by_{part}"]} - {"network_and_history"}
        assert moved == parts, name
    statuses = {name: finding.status for name, finding in found.items()}
    assert statuses["training_loss_sum"] == "history_suffices"
    assert statuses["neighbour_disagreement"] == "data_suffices"
    assert statuses["constant"] == "does_not_separate"
    disk = recall(models_to_judge_on(plan), measures, Results(tiny_zoo), there, blinded=True)
    assert disk.blinded == known.blinded
    assert recall(models_to_judge_on(plan), measures, Results(tiny_zoo), there).blinded == {}
    assert measure(plan, known, work) == known


def errors_while_training(trained: TrainedModel) -> float:
    return float(trained.history.train_error.sum())


@pytest.mark.slow
def test_a_function_that_is_called_in_this_process_is_blinded_as_in_a_worker(shared_cache: Path, tiny_zoo: Zoo) -> None:
    function = measure_from(errors_while_training)
    there = make_settings(cache_dir=str(shared_cache), workers=2)
    plan, work = Plan(zoo=tiny_zoo, gate=dict.fromkeys(tiny_zoo.gate, ())), Work(there, progress=False)
    trained = train(plan, Results(tiny_zoo), work)
    known = measure_here(function, plan, trained, work, reads=True)
    found = known.reads(function)
    assert found.status == "history_suffices"
    assert [part for part in PARTS if found.numbers[f"moved_by_{part}"]] == ["history", "network_and_history"]
    assert measure_here(function, plan, trained, work).blinded == {}


def test_a_plan_that_asks_what_is_read_needs_the_models_of_the_gate() -> None:
    measures = find_measures(["l2_norm,constant"])
    plan = Plan(zoo=TINY, blinded=measures)
    assert not plan.nothing
    assert {*models_to_judge_on(plan)} == {*recipes(TINY, TINY.gate)}
    assert [measure.name for measure in without(plan, {"constant"}).blinded] == ["l2_norm"]


def test_what_was_not_evaluated_has_no_answer() -> None:
    with pytest.raises(NoVerdict):
        Results(TINY).reads(find_measures(["l2_norm"])[0])


def test_of_every_unit_of_the_zoo_models_are_blinded() -> None:
    assert {Unit(unit.data_set, unit.network) for unit in DIGITS.units} == {
        Unit(recipe.data_set, recipe.network) for (_, recipe) in blinded_models(DIGITS, lambda recipe: "")
    }

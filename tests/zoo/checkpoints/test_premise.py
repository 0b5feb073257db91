"""What is not as the gate supposes of a pair is told in a sentence that names it; nobody is judged on it."""

import functools
import re
import threading
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn

from harness import Checkpoint, Pair
from harness.judging.run import Work, look
from harness.settings import Settings
from harness.zoo.checkpoints.doors import find_pairs
from harness.zoo.checkpoints.labellings import agreement_of
from harness.zoo.checkpoints.own_twins import OwnTwins, listed, premise_table
from harness.zoo.checkpoints.survey import jobs_of, look_here, put_together
from tests.builders.models import history_of
from tests.builders.own_twins import CLASSES, EXAMPLES, fitted, labels_of, load, pair


def looked_at(pairs: Sequence[Pair], settings: Settings) -> OwnTwins:
    """In this process."""
    found = find_pairs(list(pairs))
    return put_together(listed(found), [*look_here(jobs_of(found, settings))])


def deeper() -> nn.Module:
    return nn.Sequential(nn.Identity(), nn.Linear(EXAMPLES, CLASSES))


def swapped() -> nn.Module:
    network = nn.Linear(EXAMPLES, CLASSES)
    network.add_module("more", nn.Identity())
    return network


def few() -> Checkpoint:
    found = load(0, True)
    return Checkpoint(model=found.model, inputs=found.inputs[1:], labels=found.labels[1:])


def wrong_labels() -> torch.Tensor:
    return (labels_of(0, True) + 1) % CLASSES


@pytest.mark.parametrize(
    ("randomized", "sentence"),
    [
        (
            functools.partial(fitted, labels_of(0, True), network=deeper),
            "twins[0]: its networks are of different architectures (Linear of 100 parameters, and Sequential of 100",
        ),
        (
            functools.partial(fitted, labels_of(0, True), network=swapped),
            "twins[0]: its networks are of different architectures (both Linear of 100 parameters, with other names",
        ),
        (few, "twins[0]: natural and randomized have examples 24 and 23; twins are trained on equally many"),
        (
            functools.partial(fitted, labels_of(0, True), seed=1),
            "twins[0]: its inputs differ; twins under random label",
        ),
        (functools.partial(fitted, labels_of(0, False), certainty=9.0), "twins[0]: its labels are equal; under random"),
        (
            functools.partial(fitted, torch.cat([labels_of(0, False)[:22], labels_of(0, True)[22:]])),
            "twins[0]: 92% of its labels are equal, 27% would be by chance; under random",
        ),
        (
            functools.partial(load, 0, True, labels=wrong_labels()),
            "twins[0].randomized misclassifies 100.0% of its training set in evaluation mode; both twins have to fit",
        ),
        (
            functools.partial(fitted, labels_of(0, True), certainty=3.0),
            "twins[0]: the training losses are 0.000136 (natural) and 0.139 (randomized) nats; stop both at one loss",
        ),
    ],
)
def test_what_is_not_as_the_gate_supposes_is_a_sentence(randomized: Any, sentence: str, settings: Settings) -> None:
    given = [Pair("random_labels", functools.partial(load, 0, False), randomized), pair(1)]
    found = looked_at(given, settings).problems["random_labels"]
    assert found and re.match(re.escape(sentence), found[0]), found
    assert all(problem.startswith("twins[0]") for problem in found)


@pytest.mark.parametrize("condition", ["random_pixels", "gaussian"])
def test_under_other_conditions_the_inputs_are_the_randomized_twins_own(condition: Any, settings: Settings) -> None:
    natural = functools.partial(load, 0, False)
    ours = Pair(condition, natural, functools.partial(fitted, labels_of(0, False), seed=1))
    equal = Pair(condition, natural, functools.partial(load, 1, True, inputs=load(0, False).inputs))
    assert looked_at([ours], settings).problems[condition] == []
    what = condition.replace("_", " ")
    assert looked_at([equal], settings).problems[condition][0] == (
        f"twins[0]: its inputs are equal; under {what} they are the randomized twin's own"
    )


NATURAL = functools.partial(load, 0, False)


def renamed() -> Checkpoint:
    return fitted((labels_of(0, False) + 1) % CLASSES)


def permuted() -> Checkpoint:
    found = load(0, False)
    order = torch.arange(EXAMPLES).flip(0)
    model = nn.Linear(EXAMPLES, CLASSES)
    with torch.no_grad():
        model.weight.copy_(found.model.weight)  # type: ignore[arg-type]
        model.bias.copy_(found.model.bias + 1e-3)  # type: ignore[operator]
    return Checkpoint(model=model, inputs=found.inputs[order], labels=found.labels[order])


def begun(seed: int, random: bool, began_at: int) -> Checkpoint:
    torch.manual_seed(began_at)
    return load(seed, random, init=nn.Linear(EXAMPLES, CLASSES), history=history_of(num_train=EXAMPLES))


@pytest.mark.parametrize(
    ("condition", "natural", "randomized", "sentence"),
    [
        (
            "random_pixels",
            NATURAL,
            permuted,
            "twins[0]: its inputs are equal but for their order; under random pixels they",
        ),
        (
            "gaussian",
            NATURAL,
            functools.partial(fitted, labels_of(3, True), seed=3),
            "twins[0]: natural and randomized have different numbers of examples in their classes; under gaussian the",
        ),
        (
            "gaussian",
            NATURAL,
            lambda: load(0, False, inputs=1.01 * load(0, False).inputs),
            "twins[0].randomized has the weights of twins[0].natural; twins are two networks, each trained by itself",
        ),
        (
            "random_labels",
            functools.partial(load, 0, False, test_error=0.9),
            functools.partial(load, 0, True, test_error=0.05),
            "twins[0]: the natural network has the larger generalization gap, 90.0% against 5.0%; are its sides swa",
        ),
        (
            "random_labels",
            NATURAL,
            renamed,
            "twins[0]: 100% of its labels follow from the natural classes, renamed or jo",
        ),
        (
            "random_labels",
            functools.partial(begun, 0, False, 0),
            functools.partial(load, 0, True, init=nn.Linear(EXAMPLES, CLASSES)),
            "twins[0]: natural has history, and the other has none, which would tell a measure which is which; give it",
        ),
        (
            "random_labels",
            NATURAL,
            functools.partial(begun, 0, True, 0),
            "twins[0]: randomized has init, and the other has none, which would tell a measure which is which; give it",
        ),
    ],
)
def test_twins_whose_randomization_or_sides_are_not_what_they_say_are_refused(
    condition: Any, natural: Any, randomized: Any, sentence: str, settings: Settings
) -> None:
    found = looked_at([Pair(condition, natural, randomized)], settings).problems[condition]
    assert found and found[0].startswith(sentence), found


def test_labels_that_are_drawn_anew_are_taken_whatever_they_have_in_common_by_chance(settings: Settings) -> None:
    """Also where they avoid the natural ones, as labels drawn of the other classes do."""
    drawn = [Pair("random_labels", pair(seed).natural, pair(seed).randomized) for seed in range(20)]
    shift = torch.randint(1, CLASSES, (EXAMPLES,), generator=torch.Generator().manual_seed(0))
    avoiding = functools.partial(fitted, (labels_of(50, False) + shift) % CLASSES, seed=50)
    drawn.append(Pair("random_labels", pair(50).natural, avoiding))
    found = looked_at(drawn, settings)
    assert not found.problems["random_labels"] and not found.remarks


def test_twins_that_began_from_different_weights_are_a_remark_and_judged(settings: Settings) -> None:
    def given(seed: int, random: bool) -> Pair:
        sides = [functools.partial(begun, seed, side, seed + (side and random)) for side in (False, True)]
        return Pair("random_labels", *sides)

    alike, other = (looked_at([given(seed, random) for seed in range(3)], settings) for random in (False, True))
    assert not alike.problems["random_labels"] and not other.problems["random_labels"] and not alike.remarks
    (remark,) = other.remarks
    assert remark.startswith("twins[0] and 2 more (random labels): natural and randomized began from different weights")


def test_remarks_are_said_below_the_table(settings: Settings) -> None:
    held = threading.Lock()  # cannot be sent: looked at in this process

    def side(seed: int, random: bool) -> Checkpoint:
        with held:
            return begun(seed, random, 2 * seed + random)

    of = functools.partial(functools.partial, side)
    pairs = [Pair("random_labels", of(seed, False), of(seed, True)) for seed in range(10)]
    said: list[str] = []
    look(find_pairs(pairs), Work(settings, said.append, progress=False))
    assert [line[: len("twins[0] and 9 more")] for line in said] == ["twins[0] and 9 more"]


def test_labels_in_another_order_under_other_inputs_are_a_remark(settings: Settings) -> None:
    reversed_labels = functools.partial(fitted, labels_of(0, False).flip(0), seed=1)
    found = looked_at([Pair("gaussian", pair(0).natural, reversed_labels)], settings)
    assert not found.problems["gaussian"]
    assert found.remarks[0].startswith("twins[0] (gaussian): natural and randomized have their labels in different ord")


def test_small_losses_need_not_be_alike(settings: Settings) -> None:
    ten_times = functools.partial(fitted, labels_of(0, True), certainty=8.0)
    assert looked_at([Pair("random_labels", pair(0).natural, ten_times)], settings).problems["random_labels"] == []


def test_a_loop_whose_functions_all_see_its_last_value_is_told(settings: Settings) -> None:
    pairs = [Pair("random_labels", lambda: load(seed, False), lambda: load(seed, True)) for seed in range(3)]  # noqa: B023
    (natural, randomized) = looked_at(pairs, settings).problems["random_labels"]
    assert natural.startswith("twins[0].natural and twins[1].natural are one network; each pair of random labels needs")
    assert randomized.startswith("twins[0].randomized and twins[1].randomized are one network")
    assert "use functools.partial" in natural


def test_every_problem_of_every_pair_is_told_and_the_other_conditions_stand(settings: Settings) -> None:
    bad = Pair("random_labels", pair(1).natural, functools.partial(load, 1, True, labels=wrong_labels()))
    worse = Pair("random_labels", lambda: None, pair(2).randomized)  # type: ignore[arg-type, return-value]
    good = Pair("gaussian", pair(0).natural, functools.partial(fitted, labels_of(0, False), seed=1))
    found = looked_at([good, bad, worse], settings)
    assert [problem[: len("twins[0]")] for problem in found.problems["random_labels"]] == ["twins[1]", "twins[2]"]
    assert found.problems["gaussian"] == []
    assert found.gate == ("random_labels", "gaussian") and found.counts["random_labels"] == 2


def test_a_natural_network_that_serves_several_conditions_is_one_model(settings: Settings) -> None:
    natural, other = functools.partial(load, 0, False), functools.partial(fitted, labels_of(0, False), seed=1)
    found = looked_at([Pair("random_pixels", natural, other), Pair("gaussian", natural, other)], settings)
    (one,), (same,) = found.twins("random_pixels"), found.twins("gaussian")
    assert one.natural is same.natural and one.randomized is not same.randomized
    assert len(found.recipes(found.gate)) == 3
    assert (one.natural.condition, one.randomized.condition) == ("true_labels", "random_pixels")


def test_networks_are_named_by_their_class_and_told_apart_where_these_are_equal(settings: Settings) -> None:
    def wide() -> nn.Module:
        return nn.Linear(EXAMPLES, CLASSES, device="cpu")

    def padded() -> nn.Module:
        return nn.Sequential(nn.Linear(EXAMPLES, EXAMPLES), nn.Linear(EXAMPLES, CLASSES))

    def natural(network: Any) -> Checkpoint:
        found = load(0, False)
        return Checkpoint(model=network(), inputs=found.inputs, labels=found.labels)

    pairs = [
        Pair("gaussian", functools.partial(natural, each), functools.partial(natural, each))
        for each in (wide, padded, deeper)
    ]
    found = looked_at(pairs, settings)
    assert {*found.networks} == {"Linear", "Sequential_700", "Sequential_100"}


def test_the_table_has_a_line_for_each_network_and_condition(settings: Settings) -> None:
    lines = premise_table(looked_at([pair(0), pair(1)], settings))
    assert lines[0] == "the given twins: natural and randomized, on their own training sets"
    assert lines[1].split("  ")[0] == "network" and lines[2].split() == [
        *("Linear", "random_labels", "2", "0.00014,", "0.00014", "0.00%,", "0.00%")
    ]


def test_one_example_of_another_class_shows_no_renaming() -> None:
    """It stands at one place by chance as often as at any other."""
    one = nn.functional.one_hot(torch.tensor(0), 40)
    found = agreement_of(one, 1 - one)
    assert found.told == 1 and found.told - found.told_by_chance <= found.told_deviation

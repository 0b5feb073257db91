"""A shared quantity is computed once per model and arguments, and the harness sees it change."""

import dataclasses
import gc
import weakref
from collections.abc import Callable

import pytest
import torch

from harness.calling.purity import Witness
from measures import NotApplicable, TrainedModel, once_per_model
from tests.builders.models import random_network, with_snapshots


@once_per_model
def counted(trained: TrainedModel, power: int = 1) -> torch.Tensor:
    calls.append(power)
    return trained.inputs**power


calls: list[int] = []


def test_a_shared_quantity_is_computed_once_per_model_and_argument() -> None:
    calls.clear()
    trained = random_network("mlp_1x4", 0)
    assert counted(trained) is counted(trained)
    assert counted(trained, 2) is counted(trained, power=2)
    assert counted(trained, 1) is counted(trained)
    assert counted(dataclasses.replace(trained)) is not counted(trained)
    assert calls == [1, 2, 1]


def test_what_a_shared_quantity_raises_is_raised_again() -> None:
    @once_per_model
    def refused(trained: TrainedModel) -> float:
        raise NotApplicable("always")

    trained = random_network("mlp_1x4", 0)
    for _ in range(2):
        with pytest.raises(NotApplicable, match="always"):
            refused(trained)


def test_the_witness_sees_a_change_of_any_shared_quantity() -> None:
    trained = with_snapshots(random_network("mlp_1x4", 0), random_network("mlp_1x4", 1).model)
    changes = {
        "the shared counted(power=1) of": lambda: counted(trained).zero_(),
        "the shared hidden_features[0]": lambda: trained.hidden_features[0].zero_(),
        "the shared random_order": lambda: trained.random_order.zero_(),
        "the shared singular_values of layer 1": lambda: trained.layers[0].singular_values.zero_(),
        "1.weight of the shared snapshots[0][1]": lambda: trained.snapshots[0][1][1].weight.data.zero_(),
    }
    counted(trained), trained.hidden_features, trained.random_order, trained.layers[0].singular_values
    trained.snapshots  # noqa: B018
    for name, change in changes.items():
        witness = Witness(trained)
        witness.look()
        change()
        (found,) = witness.changes()
        assert found.startswith(f"it changed {name}"), found


@once_per_model
def without_numbers(trained: TrainedModel) -> torch.Tensor:
    return torch.tensor([torch.nan, 1.0])


def test_no_number_in_a_shared_quantity_is_no_change_until_it_becomes_one() -> None:
    trained = random_network("mlp_1x4", 0)
    without_numbers(trained)
    witness = Witness(trained)
    witness.look()
    assert witness.changes() == []
    without_numbers(trained)[0] = 1
    (found,) = witness.changes()
    assert found.startswith("it changed the shared without_numbers() of")


def test_a_quantity_shared_for_several_arguments_is_not_taken_for_one_that_changed() -> None:
    trained = random_network("mlp_1x4", 0)
    counted(trained, 1), counted(trained, 2)
    witness = Witness(trained)
    witness.look()
    assert witness.changes() == []
    counted(trained, 2).zero_()
    (found,) = witness.changes()
    assert found.startswith("it changed the shared counted(power=2) of")


def test_a_shared_quantity_keeps_its_name_and_documentation() -> None:
    assert counted.__name__ == "counted"
    assert counted.__module__ == __name__


def test_two_functions_of_one_name_in_different_places_are_two_quantities() -> None:
    def one() -> Callable[[TrainedModel], int]:
        @once_per_model
        def number(trained: TrainedModel) -> int:
            return 1

        return number

    def two() -> Callable[[TrainedModel], int]:
        @once_per_model
        def number(trained: TrainedModel) -> int:
            return 2

        return number

    trained = random_network("mlp_1x4", 0)
    assert (one()(trained), two()(trained)) == (1, 2)


def test_functions_that_one_function_makes_are_quantities_of_their_own() -> None:
    def making(power: int) -> Callable[[TrainedModel], int]:
        @once_per_model
        def made(trained: TrainedModel) -> int:
            return power

        return made

    trained, (one, two) = random_network("mlp_1x4", 0), map(making, (1, 2))
    three, four = once_per_model(lambda trained: 3), once_per_model(lambda trained: 4)
    assert (one(trained), two(trained), three(trained), four(trained), one(trained)) == (1, 2, 3, 4, 1)


def test_arguments_that_are_equal_and_of_different_types_are_different_arguments() -> None:
    @once_per_model
    def said(trained: TrainedModel, given: object) -> str:
        return repr(given)

    trained = random_network("mlp_1x4", 0)
    for given in (1, True, 1.0, (1, 2), (True, 2), ((1.0,),), ((1,),)):
        assert said(trained, given) == repr(given)


def test_what_is_remembered_and_its_function_go_with_the_model() -> None:
    def making(value: torch.Tensor) -> Callable[[TrainedModel], torch.Tensor]:
        return once_per_model(lambda trained: value)

    trained, held = random_network("mlp_1x4", 0), torch.ones(2)
    making(held)(trained)
    gone = weakref.ref(held)
    del held, trained
    gc.collect()
    assert gone() is None


def test_an_argument_that_cannot_be_hashed_is_refused() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        counted(random_network("mlp_1x4", 0), [1])  # type: ignore[arg-type]

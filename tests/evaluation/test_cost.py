"""Costs are counted, and tiers held, by what is done."""

import dataclasses

import pytest
import torch

from harness.calling.reading import Reading
from harness.calling.request import Called
from harness.calling.sealed_measure import SealedFunction
from harness.evaluation.cost import models, work
from harness.zoo.zoo import Zoo
from measures import Measure, NotApplicable, measure
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.losses import loss_and_gradient, mean_loss
from measures.trained_model import TrainedModel
from tests.builders.models import random_network
from tests.conftest import WIDTHS

pytestmark = pytest.mark.usefixtures("own_registry")


def passes(count: int) -> Measure:
    @measure(source="a test")
    def repeated(trained: TrainedModel) -> float:
        with torch.no_grad():
            return sum(float(trained.model(trained.inputs).sum()) for _ in range(count))

    return repeated


def test_passes_are_counted_in_units_of_the_training_set() -> None:
    assert work(passes(7), random_network("convnet_bn", 0)).numbers["forward_passes"] == pytest.approx(7)

    @measure(source="a test")
    def a_quarter(trained: TrainedModel) -> float:
        return float(trained.model(trained.inputs[:5]).detach().sum())

    assert work(a_quarter, random_network("mlp_2x5", 0)).numbers["forward_passes"] == pytest.approx(0.25)


def test_a_gradient_step_is_three_forward_passes_and_about_one_backward() -> None:
    """One of the three tells how closely the network fits, once for all losses."""

    @measure(source="a test")
    def step(trained: TrainedModel) -> float:
        """The loss after a step uphill, minus the loss before."""
        parameters = flat_parameters(trained.model)
        loss, gradient = loss_and_gradient(trained, parameters)
        return mean_loss(trained, parameters + 0.01 * gradient) - loss

    numbers = work(step, random_network("mlp_3x50", 0)).numbers
    assert numbers["forward_passes"] == pytest.approx(3, abs=0.05)
    assert 0.8 < numbers["backward_passes"] <= 1


def test_a_measure_that_declares_itself_fast_and_makes_12_passes_is_found() -> None:
    assert work(passes(9), random_network("mlp_1x4", 0)).problem == ""
    assert "the work of 12 forward passes" in work(passes(12), random_network("mlp_1x4", 0)).problem


def test_a_process_that_does_not_say_how_much_it_worked_has_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Called(Reading("value", 1.0, "", 0.1), numbers={"forward": 1.0})
    monkeypatch.setattr(SealedFunction, "call", lambda *given: said)
    sealed = dataclasses.replace(passes(1), function=SealedFunction(passes(1)))
    assert work(sealed, random_network("mlp_1x4", 0)).skipped == "its process did not count its work"


def test_without_a_value_there_is_no_cost() -> None:
    @measure(source="a test")
    def never(trained: TrainedModel) -> float:
        raise NotApplicable("never")

    assert work(never, random_network("mlp_1x4", 0)).skipped == "never"


def test_one_natural_model_of_each_network_is_costed(tiny_zoo: Zoo) -> None:
    found = models(tiny_zoo)
    assert {*found} == {f"mlp_1x{width}" for width in WIDTHS}
    assert [(recipe.network, recipe.condition) for recipe in found.values()] == [
        (network, "true_labels") for network in found
    ]

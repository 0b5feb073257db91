"""Changes that keep the function do keep it; declarations are checked both ways."""

import dataclasses

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

import harness.evaluation.reparametrization as reparametrization
from harness.evaluation.finding import Finding
from harness.evaluation.reparametrization import (
    CLAUSES,
    concluded,
    foldings,
    function_change,
    in_float64,
    permutations,
    rescaled,
    rescalings,
    shifts,
)
from measures import Measure, NotApplicable, measure
from measures.history import flat_state
from measures.norms.l2_norm import l2_norm
from measures.norms.path_norm import path_norm
from measures.spectral.spectral_norm import spectral_norm
from measures.trained_model import TrainedModel
from tests.builders.models import random_network

ALL = {clause.__name__ for clause in CLAUSES}


@pytest.mark.parametrize("network", ["mlp_3x4", "convnet_bn"])
@pytest.mark.parametrize("draws", [rescalings, permutations, shifts, foldings])
@settings(deadline=None, max_examples=5)
@given(data=st.data(), seed=st.integers(0, 100))
def test_every_draw_keeps_the_function_and_changes_the_weights(network, draws, data, seed: int) -> None:
    trained = random_network(network, seed, size=4)
    if draws is foldings and network == "mlp_3x4":
        assert foldings(trained).is_empty
        return
    changed = data.draw(draws(trained))
    assert function_change(trained, changed, up_to_a_shift=draws is shifts) < 1e-9
    assert not torch.equal(flat_state(changed.model), flat_state(trained.model))
    assert changed.init is trained.init


def test_a_change_of_the_function_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(trained: TrainedModel, hidden: int, alpha: float) -> TrainedModel:
        changed = rescaled(trained, hidden, alpha)
        with torch.no_grad():
            changed.model[1].bias.mul_(2)
        return changed

    monkeypatch.setattr(reparametrization, "rescaled", broken)
    with pytest.raises(AssertionError, match="layer_rescaling changed the function"):
        reparametrization.layer_rescaling(l2_norm, lambda: random_network("mlp_2x4", 0))


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mlp_2x4", "convnet_bn"])
@pytest.mark.parametrize("measure", [l2_norm, path_norm, spectral_norm])
def test_measures_that_declare_what_they_are_have_no_problem(measure: Measure, network: str) -> None:
    for clause in CLAUSES:
        finding = clause(measure, lambda: random_network(network, 0))
        assert concluded(measure, clause.__name__, finding).problem == ""


def test_a_false_declaration_is_found_with_the_size_of_the_move() -> None:
    boastful = dataclasses.replace(l2_norm, invariant_to=frozenset(ALL))
    finding = reparametrization.layer_rescaling(boastful, lambda: random_network("mlp_2x4", 0))
    assert finding.problem.startswith("it declares that it is invariant to layer rescaling, which moves it by 0.")
    assert finding.numbers["largest_relative_change"] > 0.1
    assert reparametrization.unit_permutation(boastful, lambda: random_network("mlp_2x4", 0)).problem == ""


@pytest.mark.slow
def test_an_invariance_that_is_not_declared_is_found() -> None:
    shy = dataclasses.replace(spectral_norm, invariant_to=frozenset())
    for clause in CLAUSES:
        finding = clause(shy, lambda: random_network("convnet_bn", 0))
        assert finding.problem == ""  # another model might move it
        assert "declare that it is" in concluded(shy, clause.__name__, finding).problem
        assert concluded(spectral_norm, clause.__name__, finding).problem == ""


def test_what_moves_a_measure_or_takes_its_value_need_not_be_declared() -> None:
    moved = reparametrization.layer_rescaling(l2_norm, lambda: random_network("mlp_2x4", 0))
    assert concluded(l2_norm, "layer_rescaling", moved).problem == ""
    without = Finding(numbers={"draws": 3.0, "draws_without_a_value": 1.0, "largest_relative_change": 0.0})
    assert concluded(l2_norm, "layer_rescaling", without).problem == ""
    not_asked = Finding(skipped="no normalization")
    assert concluded(l2_norm, "batch_norm_folding", not_asked) == not_asked


def test_losing_its_value_is_a_move(own_registry: dict[str, Measure]) -> None:
    @measure(source="a test", invariant_to={"logit_shift"})
    def only_small_logits(trained: TrainedModel) -> float:
        if trained.logits.abs().max() > 2:
            raise NotApplicable("a logit above 2")
        return 1.0

    trained = random_network("mlp_2x4", 0)
    finding = reparametrization.logit_shift(only_small_logits, lambda: trained)
    assert finding.problem.endswith("which moves it to no value (a logit above 2)")


def test_without_a_value_or_a_normalization_nothing_is_asked(own_registry: dict[str, Measure]) -> None:
    @measure(source="a test")
    def never(trained: TrainedModel) -> float:
        raise NotApplicable("never")

    assert "never" in reparametrization.logit_shift(never, lambda: random_network("mlp_2x4", 0)).skipped
    finding = reparametrization.batch_norm_folding(l2_norm, lambda: random_network("mlp_2x4", 0))
    assert finding.skipped == "the network has no batch normalization"


def test_in_float64_everything_is_and_retraining_goes_on_in_float32() -> None:
    asked = []

    def retrain(inputs: torch.Tensor, labels: torch.Tensor, reseed: int) -> nn.Module:
        asked.append((inputs.dtype, reseed))
        return nn.Linear(2, 2)

    trained = dataclasses.replace(random_network("mlp_2x4", 0, dtype=torch.float32), retrain_function=retrain)
    doubled = in_float64(trained)
    assert doubled.logits.dtype == torch.float64
    assert flat_state(doubled.init).dtype == torch.float64
    assert doubled.retrain(doubled.inputs, doubled.labels, 3).weight.dtype == torch.float64
    assert asked == [(torch.float32, 3)]
    assert trained.logits.dtype == torch.float32

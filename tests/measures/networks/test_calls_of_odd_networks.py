"""What a call of a network leaves behind is put back, and what it cuts has its gradient or a sentence."""

import os
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.calling.purity import Witness
from measures import NotApplicable
from measures.networks.copying import copy_of
from measures.networks.plain_network import PlainNetwork, RefusedNetwork, as_given
from measures.quantities.per_example import forward_pass, gradient_norms, norms_and_sum
from measures.trained_model import TrainedModel
from tests.builders.odd_networks import calls, odd_model
from tests.builders.odd_networks.forwards import probe_detached, probe_without_gradient
from tests.builders.odd_networks.plain import CLASSES, Calling, mlp

LEAVING = [
    calls.keeps_its_maps_in_a_list,
    calls.registers_a_buffer,
    calls.registers_a_hook,
    calls.writes_to_the_environment,
    calls.draws_what_it_does_not_use,
    calls.leaves_gradients_on,
]
CUTTING = [
    probe_without_gradient,
    probe_detached,
    calls.probe_by_data,
    calls.probe_in_inference_mode,
    calls.all_in_inference_mode,
]


@pytest.mark.parametrize("make", LEAVING, ids=lambda make: make.__name__)
def test_a_measure_that_calls_the_network_changes_nothing(make: Callable[[], nn.Module]) -> None:
    trained = odd_model(make)
    witness = Witness(trained)
    witness.look()
    with torch.no_grad():
        assert not trained.model(trained.inputs).requires_grad
        assert not torch.is_grad_enabled()
    gradient_norms(trained.model, trained.inputs, trained.labels)
    assert witness.changes() == []


def test_states_that_a_call_draws_from_are_put_back_and_others_are_not_touched() -> None:
    trained = odd_model(calls.draws_what_it_does_not_use)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate(), dict(os.environ)
    trained.model(trained.inputs)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate(), dict(os.environ))


@pytest.mark.parametrize("module", [torch, np.random, random], ids=["torch", "numpy", "python"])
def test_a_network_that_uses_what_it_draws_is_refused(module) -> None:
    draw = {torch: lambda: float(torch.rand(())), np.random: np.random.random, random: random.random}[module]
    trained = odd_model(lambda: Calling(lambda self, x: self.body(x) * draw(), body=mlp()))
    assert isinstance(trained.model, RefusedNetwork)
    assert "other outputs when it is called again" in trained.model.reason


@pytest.mark.parametrize("make", CUTTING, ids=lambda make: make.__name__)
def test_gradients_are_those_of_the_function_whatever_the_network_cuts(make: Callable[[], nn.Module]) -> None:
    trained = odd_model(make)
    given = as_given(trained.model)
    plain = nn.Sequential(*copy_of(given.body), copy_of(given.head)).eval()
    labels = (trained.labels + 1) % CLASSES
    expected = gradient_norms(plain, trained.inputs, labels)
    for network in (trained.model, copy_of(trained.model)):
        torch.testing.assert_close(gradient_norms(network, trained.inputs, labels), expected)
    x = trained.inputs.clone().requires_grad_()
    found, right = (torch.autograd.grad(network(x).square().sum(), x)[0] for network in (trained.model, plain))
    torch.testing.assert_close(found, right)


def test_what_is_computed_outside_of_torch_has_no_gradient_and_it_is_said_where_one_is_asked_for() -> None:
    trained = odd_model(calls.computed_by_numpy)
    assert isinstance(trained.model, PlainNetwork)
    assert trained.logits.shape == (len(trained.labels), CLASSES)
    for network in (trained.model, copy_of(trained.model)):
        with pytest.raises(NotApplicable, match=r"no derivative with respect to its parameter 'body\.1\.weight'"):
            gradient_norms(network, trained.inputs, trained.labels)
    head = trained.model.head.weight
    assert torch.autograd.grad(trained.model(trained.inputs).sum(), head)[0].norm() > 0  # that is as it is


def test_numbers_for_a_log_do_not_make_a_network_unreadable() -> None:
    def forward(self: Calling, x: Tensor) -> Tensor:
        h = self.body(x)
        self.log.append(h.detach().numpy().mean())
        return self.head(h)

    def make() -> nn.Module:
        network = calls.with_body(forward)
        network.log = []
        return network

    trained = odd_model(make)
    assert gradient_norms(trained.model, trained.inputs, trained.labels).norm() > 0


def naive(network: nn.Module, trained: TrainedModel) -> Tensor:
    """Gradients of each example's loss, (n, p)."""
    rows = []
    for x, y in zip(trained.inputs, trained.labels, strict=True):
        loss = F.cross_entropy(network(x[None]), y[None])
        gradients = torch.autograd.grad(loss, [*network.parameters()], materialize_grads=True)
        rows.append(torch.cat([(g.to_dense() if g.is_sparse else g).flatten() for g in gradients]))
    return torch.stack(rows)


def finer_logits() -> nn.Module:
    return Calling(lambda self, x: self.body(x.float()).double(), body=mlp())


@pytest.mark.parametrize(
    "make",
    [finer_logits, calls.sparse_table, calls.empty_parameter, calls.one_example_after_the_other],
    ids=lambda make: make.__name__,
)
def test_gradients_of_examples_and_their_sum_are_those_of_a_loop(make: Callable[[], nn.Module]) -> None:
    def built() -> nn.Module:
        network = make()
        network.dtype = torch.float32 if make is finer_logits else torch.float64
        return network

    trained = odd_model(built)
    expected = naive(as_given(trained.model), trained).double()
    norms, total = norms_and_sum(forward_pass(trained.model, trained.inputs), trained.labels)
    torch.testing.assert_close(norms, expected.norm(dim=1), rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(total.double(), expected.sum(dim=0), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(gradient_norms(trained.model, trained.inputs, trained.labels), norms)


@pytest.mark.parametrize("first", [nn.ReLU(inplace=True), nn.Hardtanh(0, 1, inplace=True)], ids=["relu", "clamp"])
def test_a_first_layer_in_place_that_changes_nothing_does_not_refuse_a_network(first: nn.Module) -> None:
    inputs = torch.rand(6, 36)
    network = nn.Sequential(first, nn.Linear(36, CLASSES)).eval()
    trained = TrainedModel(network, network, inputs, torch.zeros(6, dtype=torch.int64), CLASSES, None)
    assert isinstance(trained.model, PlainNetwork)
    assert trained.logits.shape == (6, CLASSES)

import pytest
import torch
from torch import nn

from measures.quantities.input_gradients import (
    logits_and_jacobian,
    loss_gradients,
    margin_gradients,
    margins_and_slopes,
    networks_in_training,
)
from measures.trained_model import margins_of
from tests.builders.models import with_snapshots
from tests.builders.small_networks import NETWORKS, randomly_labelled_network
from tests.measures.left_as_found import assert_leaves_all_as_found
from tests.references.input_derivatives import jacobians, loss_gradient


@pytest.mark.parametrize("kind", NETWORKS)
def test_gradients_are_those_taken_one_example_at_a_time(kind, monkeypatch):
    monkeypatch.setattr("measures.quantities.input_gradients.CHUNK", 5)
    trained = randomly_labelled_network(kind)
    expected = jacobians(trained)
    logits, jacobian = logits_and_jacobian(trained.model, trained.inputs)
    torch.testing.assert_close(jacobian, expected)
    torch.testing.assert_close(logits, trained.logits)
    pairs = zip(trained.inputs, trained.labels, strict=True)
    naive = torch.stack([loss_gradient(trained.model, x, y) for x, y in pairs])
    torch.testing.assert_close(loss_gradients(trained.model, trained.inputs, trained.labels), naive)
    found = margin_gradients(trained.model, trained.inputs, trained.labels)
    torch.testing.assert_close(found.margins, trained.margins)
    margins, slopes = margins_and_slopes(trained.model, trained.inputs, trained.labels)
    torch.testing.assert_close(margins, trained.margins)
    torch.testing.assert_close(slopes, found.gradients[0].norm(dim=1))
    for i, (f, y) in enumerate(zip(trained.logits, trained.labels.tolist(), strict=True)):
        other = max((j for j in range(3) if j != y), key=lambda j: float(f[j]))
        torch.testing.assert_close(found.gradients[0][i], expected[i, y] - expected[i, other])


def test_hidden_gradients_are_with_respect_to_what_each_weight_layer_receives():
    trained = randomly_labelled_network("convnet")
    found = margin_gradients(trained.model, trained.inputs, trained.labels)
    for place, position in enumerate((0, 3, 6)):  # of the weight layers in the network
        before, after = trained.model[:position], trained.model[position:]
        with torch.no_grad():
            h = before(trained.inputs) if position else trained.inputs
        for i in range(len(h)):
            one = h[i : i + 1].clone().requires_grad_()
            (gradient,) = torch.autograd.grad(margins_of(after(one), trained.labels[i : i + 1]), one)
            torch.testing.assert_close(found.gradients[place][i], gradient.flatten())
            torch.testing.assert_close(found.received[place][i], one.detach().flatten())


def test_networks_in_training_end_with_the_trained_one():
    trained = randomly_labelled_network("mlp")
    assert networks_in_training(trained) == (trained.model,)
    early = with_snapshots(trained, trained.init, trained.init)
    assert len(networks_in_training(early)) == 3
    assert networks_in_training(early)[-1] is trained.model


@pytest.mark.parametrize("grad_mode", [True, False])
def test_nothing_is_left_behind(grad_mode):
    def everything(trained):
        with torch.set_grad_enabled(grad_mode):
            margin_gradients(trained.model, trained.inputs, trained.labels)
            loss_gradients(trained.model, trained.inputs, trained.labels)
            logits_and_jacobian(trained.model, trained.inputs)

    trained = randomly_labelled_network("convnet_bn")
    assert_leaves_all_as_found(everything, trained)
    assert not any(module._forward_pre_hooks for module in trained.model.modules())
    assert not trained.inputs.requires_grad


def test_the_hooks_go_when_the_network_raises():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(3, 2))
    with pytest.raises(RuntimeError, match="shapes"):
        margin_gradients(model, torch.ones(1, 2), torch.tensor([0]))
    assert not any(module._forward_pre_hooks for module in model.modules())

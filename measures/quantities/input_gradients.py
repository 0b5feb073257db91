"""Derivatives of the network's outputs with respect to its inputs and hidden representations, example by example.

In evaluation mode no example sees another, so one backward pass of a sum over examples gives each its own gradient.
Samples are the first examples of `random_order`, nested and the same for twins with equal inputs. Derivatives are of
flattened inputs, in units of the standardised inputs, and without gradient themselves.
"""

import dataclasses
import itertools
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.layer_inputs import with_layers_seen
from measures.networks.layer_hooks import (
    before_layers,
    by_example,
    examples_a_pass,
    linear_and_convolutional,
    to_constants,
)
from measures.networks.plain_network import require_readable
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel, margins_of

CHUNK = 256  # examples a forward and backward pass
SAMPLE = 500  # examples with one backward pass each
JACOBIAN_SAMPLE = 200  # examples with one backward pass for every class


@dataclasses.dataclass(frozen=True, eq=False)
class MarginGradients:
    """Margins f(x)[y] − max_{j≠y} f(x)[j] (m,) and, for what each weight layer receives, in order of application,

    - `received`: the representation h, (m, width); the first is the input;
    - `gradients`: the margin's gradient with respect to it, (m, width).
    """

    margins: Tensor
    received: tuple[Tensor, ...]
    gradients: tuple[Tensor, ...]


@once_per_model
def sample_margin_gradients(trained: TrainedModel) -> MarginGradients:
    """`margin_gradients` of the first SAMPLE examples of `random_order`."""
    return margin_gradients(trained.model, *trained.sample(SAMPLE))


@torch.enable_grad()
def margin_gradients(model: nn.Module, inputs: Tensor, labels: Tensor) -> MarginGradients:
    """Margins of these inputs and their gradients at the inputs and at every hidden representation."""
    require_readable(model)
    model = with_layers_seen(model, inputs)
    received: list[Tensor] = []
    margins, representations, gradients = [], [], []
    layers = linear_and_convolutional(model)
    kept = [not constant for constant in to_constants(model, layers, inputs)]
    few = examples_a_pass(model, layers, inputs, CHUNK)
    for x, y in zip(inputs.split(few), labels.split(few), strict=True):
        x = x.detach().requires_grad_()
        received.clear()
        with before_layers(layers, received.append):
            margins.append(margins_of(model(x), y))
        if len(received) != len(kept):
            raise NotApplicable("the network applies other layers to some examples: what they receive is not known")
        of_examples = [*itertools.compress(received, kept)]
        seen = [x, *of_examples[1:]]  # what the first layer receives may be less than the input: a rectified one
        found = _gradients(margins[-1].sum(), seen)
        gradients.append([by_example(g, len(x)) for g in found])
        representations.append([by_example(h.detach(), len(x)) for h in seen])
    return MarginGradients(
        torch.cat(margins).detach(),
        tuple(torch.cat(pieces) for pieces in zip(*representations, strict=True)),
        tuple(torch.cat(pieces) for pieces in zip(*gradients, strict=True)),
    )


def _gradients(value: Tensor, at: list[Tensor]) -> list[Tensor]:
    """The value's gradient at each: zero where it does not depend on one, or no gradient passes."""
    passing = [each for each in at if each.requires_grad]
    found = iter(torch.autograd.grad(value, passing, materialize_grads=True))
    return [next(found) if each.requires_grad else torch.zeros_like(each) for each in at]


@torch.enable_grad()
def margins_and_slopes(model: nn.Module, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Margins of these inputs and the Euclidean norms of their gradients with respect to the inputs, (m,) each."""
    require_readable(model)
    margins, slopes = [], []
    for x, y in zip(inputs.split(CHUNK), labels.split(CHUNK), strict=True):
        x = x.detach().requires_grad_()
        found = margins_of(model(x), y)
        slopes.append(torch.autograd.grad(found.sum(), x)[0].flatten(1).norm(dim=1))
        margins.append(found.detach())
    return torch.cat(margins), torch.cat(slopes)


@torch.enable_grad()
def loss_gradients(model: nn.Module, inputs: Tensor, labels: Tensor, in_float64: bool = False) -> Tensor:
    """∂ℓ/∂x of each example's cross-entropy, (m, inputs); `in_float64`: of the logits in it, see close_fit.py."""
    require_readable(model)
    gradients = []
    for x, y in zip(inputs.split(CHUNK), labels.split(CHUNK), strict=True):
        x = x.detach().requires_grad_()
        logits = model(x)
        loss = F.cross_entropy(logits.double() if in_float64 else logits, y, reduction="sum")
        gradients.append(torch.autograd.grad(loss, x)[0].flatten(1))
    return torch.cat(gradients)


@once_per_model
def sample_jacobian(trained: TrainedModel) -> tuple[Tensor, Tensor]:
    """`logits_and_jacobian` of the first JACOBIAN_SAMPLE examples of `random_order`."""
    return logits_and_jacobian(trained.model, trained.sample(JACOBIAN_SAMPLE)[0])


def logits_and_jacobian(model: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits f(x), (m, K), and their Jacobian ∂f/∂x, (m, K, inputs)."""
    logits, jacobians = zip(*logits_and_jacobians(model, inputs), strict=True)
    return torch.cat(logits), torch.cat(jacobians)


def logits_and_jacobians(model: nn.Module, inputs: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """`logits_and_jacobian`, CHUNK examples at a time: those of all need not be held at once."""
    require_readable(model)
    for x in inputs.split(CHUNK):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            f = model(x)
            rows = [torch.autograd.grad(f[:, k].sum(), x, retain_graph=True)[0].flatten(1) for k in range(f.shape[1])]
        yield f.detach(), torch.stack(rows, dim=1)


def networks_in_training(trained: TrainedModel) -> tuple[nn.Module, ...]:
    """The networks of `snapshots`, and the trained one."""
    return *(network for _, network in trained.snapshots), trained.model

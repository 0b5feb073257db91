"""Derivatives of the network's outputs with respect to its inputs and hidden representations, example by example.

In evaluation mode no example sees another, so one backward pass of a sum over examples gives each its own gradient.
Samples are the first examples of `random_order`, nested and the same for twins with equal inputs. Derivatives are of
flattened inputs, in units of the standardised inputs, and without gradient themselves.
"""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.shared import once_per_model
from harness.trained_model import TrainedModel

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


def sample(trained: TrainedModel, count: int = SAMPLE) -> tuple[Tensor, Tensor]:
    """Inputs and labels of the first `count` examples of `random_order`."""
    chosen = trained.random_order[:count]
    return trained.inputs[chosen], trained.labels[chosen]


def margins_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Logit of the label minus the largest other, (m,), differentiable."""
    label = logits.gather(1, labels[:, None])[:, 0]
    return label - logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1)


@once_per_model
def sample_margin_gradients(trained: TrainedModel) -> MarginGradients:
    """`margin_gradients` of the sample."""
    return margin_gradients(trained.model, *sample(trained))


@torch.enable_grad()
def margin_gradients(model: nn.Module, inputs: Tensor, labels: Tensor) -> MarginGradients:
    """Margins of these inputs and their gradients at the inputs and at every hidden representation."""
    received: list[Tensor] = []

    def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        received.append(arguments[0])

    hooks = [m.register_forward_pre_hook(note) for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    margins, representations, gradients = [], [], []
    try:
        for x, y in zip(inputs.split(CHUNK), labels.split(CHUNK), strict=True):
            received.clear()
            margins.append(margins_of(model(x.detach().requires_grad_()), y))
            gradients.append([g.flatten(1) for g in torch.autograd.grad(margins[-1].sum(), received)])
            representations.append([h.detach().flatten(1) for h in received])
    finally:
        for hook in hooks:
            hook.remove()
    return MarginGradients(
        torch.cat(margins).detach(),
        tuple(torch.cat(pieces) for pieces in zip(*representations, strict=True)),
        tuple(torch.cat(pieces) for pieces in zip(*gradients, strict=True)),
    )


@torch.enable_grad()
def loss_gradients(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """∂ℓ/∂x of each example's cross-entropy, (m, inputs)."""
    gradients = []
    for x, y in zip(inputs.split(CHUNK), labels.split(CHUNK), strict=True):
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(model(x), y, reduction="sum")
        gradients.append(torch.autograd.grad(loss, x)[0].flatten(1))
    return torch.cat(gradients)


@once_per_model
def sample_jacobian(trained: TrainedModel) -> tuple[Tensor, Tensor]:
    """`logits_and_jacobian` of the first JACOBIAN_SAMPLE examples of `random_order`."""
    return logits_and_jacobian(trained.model, sample(trained, JACOBIAN_SAMPLE)[0])


@torch.enable_grad()
def logits_and_jacobian(model: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits f(x), (m, K), and their Jacobian ∂f/∂x, (m, K, inputs)."""
    logits, jacobians = [], []
    for x in inputs.split(CHUNK):
        x = x.detach().requires_grad_()
        f = model(x)
        rows = [torch.autograd.grad(f[:, k].sum(), x, retain_graph=True)[0].flatten(1) for k in range(f.shape[1])]
        logits.append(f.detach())
        jacobians.append(torch.stack(rows, dim=1))
    return torch.cat(logits), torch.cat(jacobians)


def networks_in_training(trained: TrainedModel) -> tuple[nn.Module, ...]:
    """The networks of `snapshots`, and the trained one."""
    return *(network for _, network in trained.snapshots), trained.model

"""Reliance on single directions: how much accuracy is lost as more and more hidden units are set to zero?

    μ = mean over fractions p and orders π of  1 − acc(the first ⌊pN + ½⌋ units of π set to zero)

p = 1/10, ..., 9/10; N units in all hidden layers together, a unit being an output of a linear layer or a whole feature
map; acc is the accuracy on at most 250 training examples. A fraction: one minus the area under the curve of accuracy
against units ablated.

Morcos, Barrett, Rabinowitz & Botvinick 2018 (arXiv:1803.06959), cumulative ablations.
Differs from the paper:
1. 3 random orders and 9 fractions on part of the training set; the ends of the curve, where nothing or everything is
   ablated, are left out.
2. What the next weight layer receives is set to zero: after the nonlinearity, batch normalization and pooling.
3. Not applicable where the receiving layer's inputs cannot be told apart by units of the layer applied before.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.trained_model import TrainedModel
from measures import NotApplicable, measure

EXAMPLES = 250
FRACTIONS = torch.arange(1, 10) / 10
ORDERS = 3


@measure(
    source="Morcos, Barrett, Rabinowitz & Botvinick 2018, cumulative ablations",
    cost="slow",
    invariant_to={"layer_rescaling", "batch_norm_folding", "logit_shift"},
)
def single_direction_reliance(trained: TrainedModel) -> float:
    chosen = trained.random_order[:EXAMPLES]
    inputs, labels = trained.inputs[chosen], trained.labels[chosen]
    units = hidden_units(trained.model, inputs[:1])
    total, generator, errors = sum(units), trained.generator(), []
    for _ in range(ORDERS):
        place = torch.randperm(total, generator=generator)
        for fraction in FRACTIONS.tolist():
            kept = (place >= int(fraction * total + 0.5)).to(inputs.device, inputs.dtype)
            logits = ablated_logits(trained.model, inputs, kept.split(units))
            errors.append((logits.argmax(dim=1) != labels).double().mean())
    return float(torch.stack(errors).mean())


def hidden_units(model: nn.Module, inputs: Tensor) -> list[int]:
    """How many units each weight layer but the last has, in order of application."""
    units: list[int] = []
    widths: list[int] = []

    def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.Linear | nn.Conv2d)
        widths.append(arguments[0].shape[1])
        units.append(module.out_features if isinstance(module, nn.Linear) else module.out_channels)

    _run(model, inputs, note)
    if len(units) < 2:
        raise NotApplicable("the network has one weight layer: there are no hidden units to ablate")
    for number, (before, received) in enumerate(zip(units[:-1], widths[1:], strict=True)):
        if received % before:
            raise NotApplicable(
                f"weight layer {number + 2} receives {received} values, no multiple of the {before} units of the one "
                "before it: units cannot be told apart"
            )
    return units[:-1]


def ablated_logits(model: nn.Module, inputs: Tensor, kept: tuple[Tensor, ...]) -> Tensor:
    """Logits where what weight layer 2, 3, ... receives is multiplied by 0 or 1 for each unit of the one before."""
    masks = iter((None, *kept))

    def mask(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
        each = next(masks)
        if each is None:
            return None
        received = arguments[0]
        return ((received.reshape(len(received), len(each), -1) * each[:, None]).view_as(received),)

    return _run(model, inputs, mask)


def _run(model: nn.Module, inputs: Tensor, before_layer: Callable[[nn.Module, tuple[Tensor, ...]], object]) -> Tensor:
    layers = [each for each in model.modules() if isinstance(each, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_pre_hook(before_layer) for layer in layers]
    try:
        with torch.no_grad():
            logits: Tensor = model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return logits

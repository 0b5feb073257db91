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
3. Which of the receiving layer's inputs are a unit's is found by changing the unit in the layer applied before, and
   looking. Not applicable where they are neither together nor in turn (channels first or last).

Claims: larger gap (Morcos, Barrett, Rabinowitz & Botvinick 2018, abstract).
Random labels: separates (Morcos, Barrett, Rabinowitz & Botvinick 2018, abstract).
"""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.layer_inputs import with_layers_seen
from measures.networks.layer_hooks import (
    after_layers,
    before_layers,
    linear_and_convolutional,
    recorded_run,
    require_rows_together,
)
from measures.trained_model import CHUNK, TrainedModel

EXAMPLES = 250
TENTHS = range(1, 10)
ORDERS = 3
AGREEING = 0.9  # of the values that change; some normalizations let a unit change others as well


@measure(
    source="Morcos, Barrett, Rabinowitz & Botvinick 2018, cumulative ablations",
    cost="slow",
    invariant_to={"layer_rescaling", "batch_norm_folding", "logit_shift"},
)
def single_direction_reliance(trained: TrainedModel) -> float:
    inputs, labels = trained.sample(EXAMPLES)
    model = with_layers_seen(trained.model, inputs)
    require_rows_together(model, linear_and_convolutional(model), inputs)
    units = hidden_units(model, inputs[:1])
    in_turn = [units_in_turn(model, inputs[:1], layer, count) for layer, count in enumerate(units)]
    total, generator, errors = sum(units), trained.generator(), []
    for _ in range(ORDERS):
        place = torch.randperm(total, generator=generator)
        for tenths in TENTHS:
            kept = (place >= (tenths * total + 5) // 10).to(inputs.device, inputs.dtype)
            logits = ablated_logits(model, inputs, kept.split(units), in_turn)
            errors.append((logits.argmax(dim=1) != labels).double().mean())
    return float(torch.stack(errors).mean())


def hidden_units(model: nn.Module, inputs: Tensor) -> list[int]:
    """How many units each weight layer but the last has, in order of application."""
    with torch.no_grad():
        _, applications = recorded_run(model, linear_and_convolutional(model), inputs)
    widths = [application.received.numel() for application in applications]
    layers = [application.layer for application in applications]
    units = [layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels for layer in layers]
    if len(units) < 2:
        raise NotApplicable("the network applies one Linear or Conv2d layer at most: there are no hidden units")
    for number, (before, received) in enumerate(zip(units[:-1], widths[1:], strict=True)):
        if received % before:
            raise NotApplicable(
                f"weight layer {number + 2} receives {received} values, no multiple of the {before} units of the one "
                "before it: units cannot be told apart"
            )
    return units[:-1]


@torch.no_grad()
def units_in_turn(model: nn.Module, inputs: Tensor, layer: int, count: int) -> bool:
    """Whether the weight layer after this one receives its units in turn (channels last), not each unit's together.

    `inputs` is one example, `layer` counts from 0, `count` is how many units it has. Unit u is set to large numbers of
    either sign in copy u of the example: what then changes most for copy u, compared with other copies, is u's.
    """
    owner = torch.stack(
        [
            torch.cat([_changes(model, inputs, layer, units, sign) for units in torch.arange(count).split(CHUNK)])
            for sign in (1, -1)
        ]
    ).amax(dim=0)  # (units, values received)
    changed = owner.amax(dim=0) > 0
    places, found = torch.arange(owner.shape[1], device=owner.device), owner.argmax(dim=0)
    together = found == places // (len(places) // count)
    in_turn = found == places % count
    for answer, agrees in ((False, together), (True, in_turn)):
        if changed.any() and agrees[changed].double().mean() >= AGREEING:
            return answer
    raise NotApplicable(
        f"weight layer {layer + 2} does not receive the {count} units of the one before it, each by itself: "
        "units cannot be told apart"
    )


def _changes(model: nn.Module, inputs: Tensor, layer: int, units: Tensor, sign: int) -> Tensor:
    """How far each value moves that the next layer receives, when one unit is changed, (units, values)."""
    numbers = itertools.count()

    def change(module: nn.Module, received: Tensor, returned: Tensor) -> Tensor | None:
        if (number := next(numbers)) == layer + 1:
            arrived.append(received.reshape(len(units) + 1, -1))
        if number != layer:
            return None
        changed = returned.clone().unflatten(0, (len(units) + 1, -1))
        for row, unit in enumerate(units.tolist()):
            (changed[row, ..., unit] if isinstance(module, nn.Linear) else changed[row, :, unit]).fill_(large(returned))
        return changed.flatten(0, 1)

    def large(returned: Tensor) -> float:
        return sign * (float(returned.abs().max()) + 1)

    arrived: list[Tensor] = []
    with after_layers(linear_and_convolutional(model), change):
        model(inputs.expand(len(units) + 1, *inputs.shape[1:]))
    return (arrived[0][:-1] - arrived[0][-1]).abs()


def ablated_logits(
    model: nn.Module, inputs: Tensor, kept: tuple[Tensor, ...], in_turn: Sequence[bool] | None = None
) -> Tensor:
    """Logits where what weight layer 2, 3, ... receives is multiplied by 0 or 1 for each unit of the one before.

    `in_turn` says of which layers it receives the units in turn (units_in_turn); of none if left out.
    """
    masks = iter((None, *zip(kept, in_turn or [False] * len(kept), strict=True)))

    def masked(received: Tensor) -> Tensor | None:
        if (found := next(masks)) is None:
            return None
        mask, turn = found
        of_units = received.reshape(len(inputs), *((-1, len(mask)) if turn else (len(mask), -1)))
        return (of_units * (mask if turn else mask[:, None])).view_as(received)

    with before_layers(linear_and_convolutional(model), masked), torch.no_grad():
        logits: Tensor = model(inputs)
    return logits

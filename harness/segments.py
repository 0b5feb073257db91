"""The network along straight lines between training examples: its logits, and how often its ReLUs switch.

A segment joins two examples that follow each other in `random_order`, and is looked at in POINTS places, evenly spaced
and half a step from its ends.
"""

import dataclasses

import torch
from torch import Tensor, nn

from harness.shared import once_per_model
from harness.trained_model import TrainedModel
from measures._registry import NotApplicable

SEGMENTS = 50  # at most so many
POINTS = 32  # on each
CHUNK = 256  # points a forward pass, a multiple of POINTS


@dataclasses.dataclass(frozen=True, eq=False)
class Segments:
    """What the network does on the segments.

    - `logits`: (segments, points, K).
    - `switches`: on each segment, how many times a ReLU's input changes sign from one point to the next, summed over
      all units, (segments,); None where the network has no nn.ReLU.
    """

    logits: Tensor
    switches: Tensor | None


@once_per_model
def between_examples(trained: TrainedModel) -> Segments:
    """The segments from each of the first SEGMENTS examples of `random_order` to the next."""
    ends = trained.inputs[trained.random_order[: SEGMENTS + 1]]
    if len(ends) < 2:
        raise NotApplicable("there is no line between examples: the training set has only one")
    return along(trained.model, ends[:-1], ends[1:])


@torch.no_grad()
def along(model: nn.Module, starts: Tensor, ends: Tensor) -> Segments:
    """The network on the segments from `starts` to `ends`, (segments, ...) each."""
    active: list[Tensor] = []

    def note(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        active.append((arguments[0] > 0).flatten(1))

    share = (torch.arange(POINTS, dtype=starts.dtype, device=starts.device) + 0.5) / POINTS
    hooks = [module.register_forward_pre_hook(note) for module in model.modules() if isinstance(module, nn.ReLU)]
    logits, switches = [], []
    few = max(1, CHUNK // POINTS)
    try:
        for start, end in zip(starts.split(few), ends.split(few), strict=True):
            t = share.view(1, -1, *[1] * (starts.ndim - 1))
            points = (1 - t) * start[:, None] + t * end[:, None]
            active.clear()
            logits.append(model(points.flatten(0, 1)).unflatten(0, (len(start), POINTS)))
            switched = [pattern.unflatten(0, (len(start), POINTS)) for pattern in active]
            counts = [(s[:, 1:] != s[:, :-1]).sum(dim=(1, 2)) for s in switched]
            switches.append(torch.stack(counts).sum(dim=0) if counts else None)
    finally:
        for hook in hooks:
            hook.remove()
    found = [count for count in switches if count is not None]
    return Segments(torch.cat(logits), torch.cat(found) if found else None)

"""The network along straight lines between training examples: its logits, and how often its ReLUs switch.

A segment joins two examples that follow each other in `random_order`, and is looked at in POINTS places, evenly spaced
and half a step from its ends.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from measures.errors import NotApplicable
from measures.layer_inputs import examples_first
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

SEGMENTS = 50  # at most so many
POINTS = 32  # on each
CHUNK = 256  # points a forward pass, a multiple of POINTS
RELUS = (F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)  # nn.ReLU calls the first


@dataclasses.dataclass(frozen=True, eq=False)
class Segments:
    """What the network does on the segments.

    - `logits`: (segments, points, K).
    - `switches`: on each segment, how many times a ReLU's input changes sign from one point to the next, summed over
      all units, (segments,); None where the network applies no ReLU, or one whose inputs are not known by example.
    """

    logits: Tensor
    switches: Tensor | None


class BeforeReLUs(TorchFunctionMode):
    """Within the block `see` is called with what a ReLU is about to receive, be it a module, a function or a method."""

    def __init__(self, see: Callable[[Tensor], None]):
        super().__init__()
        self.see = see

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        if func in RELUS:
            self.see(args[0] if args else given["input"])
        return func(*args, **given)


@once_per_model
def between_examples(trained: TrainedModel) -> Segments:
    """The segments from each of the first SEGMENTS examples of `random_order` to the next."""
    ends = trained.sample(SEGMENTS + 1)[0]
    if len(ends) < 2:
        raise NotApplicable("there is no line between examples: the training set has only one")
    return along(trained.model, ends[:-1], ends[1:])


@torch.no_grad()
def along(model: nn.Module, starts: Tensor, ends: Tensor) -> Segments:
    """The network on the segments from `starts` to `ends`, (segments, ...) each."""
    share = (torch.arange(POINTS, dtype=starts.dtype, device=starts.device) + 0.5) / POINTS
    logits, switches = [], []
    few = max(1, CHUNK // POINTS)
    for start, end in zip(starts.split(few), ends.split(few), strict=True):
        t = share.view(1, -1, *[1] * (starts.ndim - 1))
        points = ((1 - t) * start[:, None] + t * end[:, None]).flatten(0, 1)
        outputs, patterns = _run(model, points)
        logits.append(outputs.unflatten(0, (len(start), POINTS)))
        switched = [pattern.unflatten(0, (len(start), POINTS)) for pattern in patterns]
        counts = [(s[:, 1:] != s[:, :-1]).sum(dim=(1, 2)) for s in switched]
        switches.append(torch.stack(counts).sum(dim=0) if counts else None)
    found = [count for count in switches if count is not None]
    return Segments(torch.cat(logits), torch.cat(found) if len(found) == len(switches) else None)


def _run(model: nn.Module, points: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The logits, and which inputs of each ReLU are above 0, (points, units); of none, if one is not known by point."""
    received: list[Tensor] = []
    with BeforeReLUs(lambda x: received.append(x.clone())):  # a ReLU may work in place
        logits: Tensor = model(points)
        of_points = [*received]
        received.clear()
        model(points[:1])
        try:
            pairs = zip(of_points, received, strict=True)
            of_points = [examples_first(x, alone, len(points)) for x, alone in pairs]
        except (NotApplicable, ValueError):
            return logits, []
    return logits, [(x > 0).flatten(1) for x in of_points]

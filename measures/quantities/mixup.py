"""New inputs made of training examples, whose label is known: mixed within a class, or slightly moved.

What they draw is `random_order`: the same examples for twins with equal inputs, however they are stored.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

MIXED = 1000  # at most so many


@once_per_model
def class_pairs(trained: TrainedModel, count: int = MIXED) -> Tensor:
    """Pairs of different examples with equal labels, (m, 2) indices, m at most `count`.

    In `random_order`, each example of a class is paired with the next one of it, the last with the first; a class of
    one has no pair.
    """
    order, labels = trained.random_order, trained.labels[trained.random_order]
    first, second = [], []
    for label in labels.unique():
        members = order[labels == label]
        if len(members) > 1:
            first.append(members)
            second.append(members.roll(-1))
    if not first:
        return torch.empty(0, 2, dtype=torch.int64, device=trained.labels.device)
    pairs = torch.stack([torch.cat(first), torch.cat(second)], dim=1)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order), device=order.device)
    return pairs[place[pairs[:, 0]].argsort()][:count]


@once_per_model
def mixed_within_classes(trained: TrainedModel, share: float = 0.5) -> tuple[Tensor, Tensor]:
    """`share` of one example plus the rest of the other, for each of `class_pairs`: inputs (m, ...), labels (m,)."""
    first, second = class_pairs(trained).unbind(dim=1)
    mixed = share * trained.inputs[first] + (1 - share) * trained.inputs[second]
    return mixed, trained.labels[first]


@once_per_model
def moved_by_a_pixel(trained: TrainedModel, count: int = MIXED) -> tuple[Tensor, Tensor]:
    """The first `count` examples of `random_order`, moved one pixel up, down, left or right in turn, edges repeated.

    Inputs (m, channels, height, width), labels (m,).
    """
    inputs, labels = trained.sample(count)
    padded = F.pad(inputs, (1, 1, 1, 1), mode="replicate")
    height, width = inputs.shape[2:]
    moved = torch.empty_like(inputs)
    for turn, (down, right) in enumerate(((0, 1), (2, 1), (1, 0), (1, 2))):
        moved[turn::4] = padded[turn::4, :, down : down + height, right : right + width]
    return moved, labels

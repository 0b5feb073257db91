"""The loss of networks that fit so closely that float32 has lost it.

In float32 the softmax minus the label is wrong by 6e-8, and beyond a margin of 17 the cross-entropy is 0. Where the
mean loss is CLOSE or more that is nothing beside the examples that carry it; below it loss, gradients and curvature
would be rounding alone, and are taken of the logits in float64.
"""

import torch.nn.functional as F
from torch import Tensor

from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

CLOSE = 1e-4  # nats an example


@once_per_model
def fits_closely(trained: TrainedModel) -> bool:
    """Whether the mean training loss is below CLOSE."""
    return float(F.cross_entropy(trained.logits.double(), trained.labels)) < CLOSE


def cross_entropies(trained: TrainedModel, logits: Tensor, labels: Tensor) -> Tensor:
    """Of the trained network, or one near it, by example, (m,)."""
    return F.cross_entropy(for_loss(trained, logits), labels, reduction="none")


def for_loss(trained: TrainedModel, logits: Tensor) -> Tensor:
    """The logits as a loss of the trained network, or of one near it, is to be taken of."""
    return logits.double() if fits_closely(trained) else logits

"""Gradients of the trained network over its training set, from one pass: norms, the mean, how far apart batches are.

The batches are disjoint, of about BATCH examples along `random_order`, MOST_BATCHES of them at most; two halves where
there are fewer than 2 BATCH examples.
"""

import dataclasses
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from measures.once_per_model import once_per_model
from measures.quantities.per_example import CHUNK, forward_passes, norms_and_sum
from measures.rounding import SAME
from measures.trained_model import TrainedModel

BATCH = 128  # examples, about
MOST_BATCHES = 64
COLUMNS = 2**14  # weights whose derivatives are multiplied at a time


@dataclasses.dataclass(frozen=True, eq=False)
class FinalGradients:
    """Of the cross-entropy of the trained network with respect to all its weights.

    - `norms`: Euclidean, of each training example's gradient, (n,) float64.
    - `mean`: of the examples' gradients, (p,) float64, as in model.parameters().
    - `distance`: the mean over pairs of batches of the Euclidean distance between the batches' mean gradients; nan
      where there is one batch. `rescaled_distance`: the same, each gradient divided by the standard deviation of the
      batch's losses, uncorrected; nan also where one of these is 0.
    """

    norms: Tensor
    mean: Tensor
    distance: float
    rescaled_distance: float

    @property
    def cancel(self) -> bool:
        """Whether they sum to zero but for rounding, so that their mean has no direction."""
        return not float(self.mean.norm()) > SAME * float(self.norms.square().mean().sqrt())


@once_per_model
def final_gradients(trained: TrainedModel) -> FinalGradients:
    """FinalGradients of the model; NotApplicable where it has no parameters."""
    order = trained.random_order
    batches = batches_along(order[: BATCH * MOST_BATCHES])
    parts = (*batches, *order[BATCH * MOST_BATCHES :].split(CHUNK)) if len(order) > BATCH * MOST_BATCHES else batches
    norms = torch.empty(len(order), dtype=torch.float64, device=order.device)
    total: Tensor | float = 0.0
    means: list[Tensor] = []
    deviations: list[Tensor] = []
    for part, passed in zip(
        parts, forward_passes(trained.model, (trained.inputs[part] for part in parts)), strict=True
    ):
        labels = trained.labels[part]
        norms[part], summed = norms_and_sum(passed, labels)
        total = total + summed.double()
        if len(means) < len(batches):
            losses = F.cross_entropy(passed.logits.detach().double(), labels, reduction="none")
            means.append(summed / len(part))
            deviations.append(losses.std(correction=0))
    scales = torch.stack(deviations).reciprocal()
    plain, rescaled = mean_distances(means, torch.stack([torch.ones_like(scales), scales]))
    return FinalGradients(norms, torch.as_tensor(total) / len(order), plain, rescaled)


def batches_along(order: Tensor) -> tuple[Tensor, ...]:
    """Runs of these indices of examples, as equally long as can be; one where there is one example."""
    return torch.tensor_split(order, min(len(order), max(2, round(len(order) / BATCH))))


def mean_distances(vectors: list[Tensor], scales: Tensor) -> list[float]:
    """Mean Euclidean distance over the pairs of these vectors (p,), each times its number in a row of `scales` (k, b).

    One for each row. By the vectors' inner products, less their mean, in float64.
    """
    count = len(vectors)
    products = torch.zeros(len(scales), count, count, dtype=torch.float64, device=scales.device)
    for part in zip(*[vector.split(COLUMNS) for vector in vectors], strict=True):
        scaled = scales[:, :, None] * torch.stack(part).double()
        centred = scaled - scaled.mean(dim=1, keepdim=True)
        products += centred @ centred.mT
    squares = products.diagonal(dim1=1, dim2=2)
    squared = squares[:, :, None] + squares[:, None] - 2 * products
    one, other = torch.triu_indices(count, count, offset=1, device=scales.device)
    distances = squared[:, one, other].clamp_min(0).sqrt()
    return [float(mean) if math.isfinite(mean) else math.nan for mean in distances.mean(dim=1)]

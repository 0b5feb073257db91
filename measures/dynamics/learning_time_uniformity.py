"""Uniformity of learning times: are all examples about equally hard, or are some learned long before others?

    μ = −std(e) / mean(e)     eᵢ = the first epoch, counted from 1, in which example i is classified correctly when met

Real data has easy and hard examples; in noise each example is as hard as the next. If every example had the same
chance of being learned in every epoch, μ would be about −1 in a long training (the geometric distribution's).

Arpit et al. 2017 (arXiv:1706.05394), section 3.1: easy and hard examples after one epoch, in real data and in noise.
Differs from the paper:
1. It compares the spread of each example's chance of being right after one epoch, over 100 trainings, with that of
   noise. One training has one first epoch per example, so here it is the spread of these.
2. The spread is relative to the mean: in epochs it would grow with the length of training, which is longer on noise.
3. An example that is never classified correctly counts as learned in the epoch after the last.

Claims: read into it.
Random labels: separates (Arpit et al. 2017, section 3.1 and figure 1).
"""

import torch

from measures import measure
from measures.trained_model import TrainedModel


@measure(
    source="Arpit et al. 2017, section 3.1",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def learning_time_uniformity(trained: TrainedModel) -> float:
    epochs = first_learned(trained.history.correct)
    return -float(epochs.std(correction=0) / epochs.mean())


def first_learned(correct: torch.Tensor) -> torch.Tensor:
    """The first epoch, counted from 1, of each column of (epochs, n) that is True; one after the last if none is."""
    never = torch.ones_like(correct[:1])
    return torch.cat([correct, never]).int().argmax(dim=0).double() + 1

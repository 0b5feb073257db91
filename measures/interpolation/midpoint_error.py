"""Error halfway to the nearest other training example, minus the error on the training set.

    midpoint_error   μ = 1/m Σ 1[c(z) ∉ {yᵢ, yⱼ}] − 1/n Σ 1[c(xᵢ) ≠ yᵢ] + 1/2m Σ 1[yᵢ ≠ yⱼ, c(xᵢ) = yᵢ, c(xⱼ) = yⱼ]
    midpoint_mass    μ = 1/m Σ (1 − p(z)) − 1/n Σ (1 − p(xᵢ)[yᵢ]) + 1/2m Σ 1[yᵢ ≠ yⱼ] p(xᵢ)[yᵢ] p(xⱼ)[yⱼ]

z = (xᵢ + xⱼ)/2, where xⱼ is the training example nearest to xᵢ, in the inputs, whatever its label; i runs through
m ≤ 1,000 of the n training examples. c is the class of the largest logit, p the softmax, and p(z) its sum over yᵢ and
yⱼ, each once.

The midpoint stands for a new point near two known ones. A network that generalizes gives it the label of one of them:
what gets neither is an error (first term). Where the two labels differ and the network has fitted both, its boundary
runs between them, and whichever it gives to a point there is wrong for half of the points (third term). An error that
is made on the training set already is not part of the gap (second term): a network that has fitted nothing has none.
The range is from −1 to 3/2.

This project; halfway points between examples of one class are those of mixup (Zhang, Cissé, Dauphin & Lopez-Paz 2018,
arXiv:1710.09412; Natekar & Sharma 2020, arXiv:2012.02775).
Differs from the paper: there is none. The first and third term alone are errors, as mixup_accuracy is.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

import torch
from torch import Tensor

from measures import INVARIANCES, measure
from measures.interpolation._midpoints import midpoints, of_either_label
from measures.trained_model import TrainedModel


@measure(source="this project, errors halfway to the nearest other example", invariant_to=INVARIANCES)
def midpoint_error(trained: TrainedModel) -> float:
    return _gap(trained, *(_one_for_the_largest(logits) for logits in _logits(trained)))


@measure(source="this project, softmax mass halfway to the nearest other example", invariant_to=INVARIANCES)
def midpoint_mass(trained: TrainedModel) -> float:
    return _gap(trained, *(logits.double().softmax(dim=1) for logits in _logits(trained)))


def _logits(trained: TrainedModel) -> tuple[Tensor, Tensor]:
    """At the midpoints (m, num_classes) and on the training set (n, num_classes)."""
    return midpoints(trained).logits, trained.logits


def _one_for_the_largest(logits: Tensor) -> Tensor:
    """1 for the class of the largest logit, the lowest of several; 0 for the others."""
    return torch.zeros_like(logits, dtype=torch.float64).scatter_(1, logits.argmax(dim=1, keepdim=True), 1)


def _gap(trained: TrainedModel, halfway: Tensor, own: Tensor) -> float:
    """μ of the probabilities at the midpoints (m, num_classes) and at the training examples (n, num_classes)."""
    pairs, labels = midpoints(trained), trained.labels
    first, second = labels[pairs.one], labels[pairs.other]
    right = own.gather(1, labels[:, None])[:, 0]
    neither = 1 - of_either_label(halfway, first, second)
    between = (first != second) * right[pairs.one] * right[pairs.other] / 2
    return float(neither.mean() - (1 - right).mean() + between.mean())

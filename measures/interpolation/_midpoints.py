"""Pairs of an example and its nearest other, and what the network says halfway between them."""

import dataclasses

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.quantities.nearest_others import nearest_examples
from measures.trained_model import TrainedModel

PAIRS = 1000  # at most so many


@dataclasses.dataclass(frozen=True, eq=False)
class Midpoints:
    """m pairs of examples (i, j): j is the training example nearest to i, in the inputs, whatever its label.

    - `one`, `other` (m,): the indices i and j; i runs through the first m examples of `random_order`.
    - `inputs` (m, ...): (xᵢ + xⱼ)/2; `logits` (m, num_classes): the network's there.
    """

    one: Tensor
    other: Tensor
    inputs: Tensor
    logits: Tensor


@once_per_model
def midpoints(trained: TrainedModel) -> Midpoints:
    """At most PAIRS of them. NotApplicable to a single example, and to networks of one logit."""
    if len(trained.labels) < 2:
        raise NotApplicable("a single example has no neighbour to go halfway to")
    if trained.num_classes < 2:
        raise NotApplicable("the network has one logit: every point gets the same label")
    one = trained.random_order[:PAIRS]
    other = nearest_examples(trained)[one]
    halfway = (trained.inputs[one] + trained.inputs[other]) / 2
    logits = dataclasses.replace(trained, inputs=halfway, labels=trained.labels[one]).logits
    return Midpoints(one, other, halfway, logits)


def training_error(trained: TrainedModel) -> float:
    """The share of the training set that the network gets wrong."""
    return float((trained.logits.argmax(dim=1) != trained.labels).double().mean())


def of_either_label(values: Tensor, labels: Tensor, others: Tensor) -> Tensor:
    """Of each row of the values (m, num_classes) the sum over the two labels of its pair, each label once, (m,)."""
    own = values.gather(1, labels[:, None])[:, 0]
    second = values.gather(1, others[:, None])[:, 0]
    return own + torch.where(labels == others, torch.zeros_like(second), second)

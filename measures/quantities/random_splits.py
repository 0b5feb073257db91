"""Networks retrained on random parts of the training set: one order, from which all measures take their parts.

The examples in a random order; the first eighth, quarter and half of it, and the second quarter, are what networks are
trained on. Parts overlap so that measures share them: the half is both quarters, the eighth begins the first. One
example of each quarter, at equal places, make a pair: the one that the first quarter's network saw, the other not.
"""

import dataclasses

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

FEWEST = 16  # examples; an eighth of fewer is less than 2


@once_per_model
def shuffled(trained: TrainedModel) -> Tensor:
    """All examples in a random order, (n,) indices, the same for twins with equal inputs."""
    n = len(trained.labels)
    if n < FEWEST:
        raise NotApplicable(f"{n} training examples: parts of them to train on need at least {FEWEST}")
    return trained.random_order[torch.randperm(n, generator=trained.generator()).to(trained.labels.device)]


def eighths(trained: TrainedModel, count: int) -> int:
    """How many examples `count` eighths of the training set are, rounded down to whole eighths."""
    return count * (len(trained.labels) // 8)


@once_per_model
def logits_when_trained_on(trained: TrainedModel, start: int, end: int) -> Tensor:
    """Outputs on all training inputs, (n, num_classes), of the network trained on `shuffled` places start to end."""
    part = shuffled(trained)[start:end]
    network = trained.retrain(trained.inputs[part], trained.labels[part])
    return dataclasses.replace(trained, model=network).logits


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Two networks trained on one of each pair of examples: the first on all firsts, the second on all seconds.

    `seen` (2, m, num_classes): what each network outputs for the member of pair i that it was trained on; `unseen`:
    what it outputs for the other; `seen_labels` and `unseen_labels` (2, m).
    """

    seen: Tensor
    unseen: Tensor
    seen_labels: Tensor
    unseen_labels: Tensor


@once_per_model
def pairs(trained: TrainedModel) -> Pairs:
    """The first and second quarter of `shuffled`, matched place by place."""
    order, quarter = shuffled(trained), eighths(trained, 2)
    first, second = order[:quarter], order[quarter : 2 * quarter]
    of_first = logits_when_trained_on(trained, 0, quarter)
    of_second = logits_when_trained_on(trained, quarter, 2 * quarter)
    return Pairs(
        seen=torch.stack([of_first[first], of_second[second]]),
        unseen=torch.stack([of_first[second], of_second[first]]),
        seen_labels=torch.stack([trained.labels[first], trained.labels[second]]),
        unseen_labels=torch.stack([trained.labels[second], trained.labels[first]]),
    )

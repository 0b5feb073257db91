"""How the labels of twins agree: as they stand, as sets, and where classes are renamed."""

import dataclasses

import torch
from torch import Tensor

from measures.seeding import seeded_generator

DRAWS = 20  # permutations of the labels, for what would be by chance


@dataclasses.dataclass(frozen=True)
class Agreement:
    """Two labellings of one training set.

    - `agreement`: the fraction of examples whose labels are equal; `by_chance`: what two independent labellings with
      these frequencies would have, and `deviation` the standard deviation of that.
    - `same_counts`: every class has equally many examples in both.
    - `told`: the fraction of labels that follow from the other ones where every class is mapped to its most frequent
      partner, in the better direction: 1 where classes are renamed or joined. `told_by_chance`, `told_deviation`: mean
      and standard deviation of that where the labels are permuted; the latter is one example or more.
    """

    agreement: float
    by_chance: float
    deviation: float
    same_counts: bool
    told: float
    told_by_chance: float
    told_deviation: float


def agreement_of(natural: Tensor, randomized: Tensor) -> Agreement:
    """Of equally many labels."""
    size = int(max(natural.max(), randomized.max())) + 1
    first, second = (torch.bincount(labels, minlength=size) for labels in (natural, randomized))
    chance = float((first.double() / len(natural)) @ (second.double() / len(natural)))
    _, one = natural.unique(return_inverse=True)
    _, other = randomized.unique(return_inverse=True)
    generator = seeded_generator(0, "labels by chance")
    drawn = [_told(one, other[torch.randperm(len(other), generator=generator)]) for _ in range(DRAWS)]
    by_chance = torch.tensor(drawn, dtype=torch.float64)
    return Agreement(
        agreement=float((natural == randomized).double().mean()),
        by_chance=chance,
        deviation=(chance * (1 - chance) / len(natural)) ** 0.5,
        same_counts=torch.equal(first, second),
        told=_told(one, other),
        told_by_chance=float(by_chance.mean()),
        told_deviation=max(float(by_chance.std()), 1 / len(natural)),
    )


def _told(one: Tensor, other: Tensor) -> float:
    """Classes are numbered from 0 here."""
    width = int(other.max()) + 1
    pairs, counts = (one * width + other).unique(return_counts=True)
    found = []
    for side in (pairs // width, pairs % width):
        most = torch.zeros(int(side.max()) + 1, dtype=counts.dtype).scatter_reduce_(0, side, counts, "amax")
        found.append(int(most.sum()) / len(one))
    return max(found)

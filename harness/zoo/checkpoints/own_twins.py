"""All twins of a user's list, looked at: what stands where a Zoo does. Imports no torch, as zoos do not."""

import collections
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.training.recipe import Condition, Recipe
from harness.zoo.twin import GATE, SIDES, Twin

if TYPE_CHECKING:
    from harness.zoo.checkpoints.doors import Listed
    from harness.zoo.checkpoints.look import Seen


@dataclasses.dataclass(frozen=True)
class OwnTwins:
    """Pairs of networks that were trained elsewhere, by condition, and what was seen of them.

    It has what a run asks of a zoo: `name`, `gate`, `networks` (the architectures that were found), twins, recipes. Of
    how its networks were trained it knows nothing, so that questions beyond the gate are not asked.

    - `counts`: pairs listed under each condition; `pairs`: those of which both networks could be had.
    - `seen`: by reference. `problems`: for each condition a sentence for each thing that is not as the gate supposes.
      `remarks`: one for each that is doubtful.
    - `unsent`: why its loaders cannot be sent to other processes; "" if they can.
    """

    name: str
    counts: Mapping[Condition, int]
    unsent: str = ""
    pairs: Mapping[Condition, Sequence[Twin]] = dataclasses.field(default_factory=dict)
    seen: Mapping[Recipe, "Seen"] = dataclasses.field(default_factory=dict)
    problems: Mapping[Condition, Sequence[str]] = dataclasses.field(default_factory=dict)
    remarks: Sequence[str] = ()

    @property
    def gate(self) -> tuple[Condition, ...]:
        """The conditions that the user has named."""
        return tuple(condition for condition in GATE if condition in self.counts)

    @property
    def networks(self) -> dict[str, Any]:
        return {recipe.network: {} for recipe in self.seen}

    @property
    def twins_per_condition(self) -> int:
        """The most: no measure could pass if that were too few."""
        return max(self.counts.values())

    def twins(self, condition: Condition) -> list[Twin]:
        return [*self.pairs.get(condition, ())]

    def recipes(self, conditions: Iterable[Condition]) -> list[Recipe]:
        found = [twin for condition in conditions for twin in self.twins(condition)]
        return [*dict.fromkeys(recipe for twin in found for recipe in (twin.randomized, twin.natural))]


def listed(pairs: "Listed") -> OwnTwins:
    """The twins before anything of them is loaded."""
    name = pairs.name if pairs.where else "the given twins"
    return OwnTwins(name, collections.Counter(pair.condition for pair in pairs.pairs), pairs.unsent)


def premise_table(twins: OwnTwins) -> list[str]:
    """A line for each network and condition: pairs, and the mean training loss and error of both sides."""
    rows = [("network", "randomized", "pairs", "training loss", "training error")]
    for condition in twins.gate:
        by_network: dict[str, list[Twin]] = {}
        for twin in twins.twins(condition):
            by_network.setdefault(twin.natural.network, []).append(twin)
        for network, some in by_network.items():
            sides = [[twins.seen[getattr(twin, side)] for twin in some] for side in SIDES]
            losses = ", ".join(f"{sum(each.train_loss for each in side) / len(side):.2g}" for side in sides)
            errors = ", ".join(f"{sum(each.train_error for each in side) / len(side):.2%}" for side in sides)
            rows.append((network, condition, str(len(some)), losses, errors))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [f"{twins.name}: natural and randomized, on their own training sets", *lines]


def as_zoo(twins: OwnTwins) -> Any:
    """The same where a Zoo is expected. Asked for what only a zoo has, it raises AttributeError."""
    return twins

"""What is so of a zoo's data and networks: its questions ask only what has a meaning for them."""

import dataclasses
from collections.abc import Iterable, Sequence

from harness.training.declaring import DeclaredDataSet, DeclaredNetwork
from harness.training.recipe import Condition

IMAGE = 3  # dimensions: channels, height, width


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """A record has them (definition.py), so that it is read where the data and the networks are not.

    - `train_size`: how many examples the data set has to train on; None if that is not known without reading it. Of
      several data sets, the fewest.
    - `randomizations`: those of the inputs that have a meaning. `images`: they can be cropped. Of several data sets,
      what holds of all.
    - `blind_to_positions`, `take_dropout`: the names of networks of which that is so.
    """

    train_size: int | None
    randomizations: tuple[Condition, ...]
    images: bool
    blind_to_positions: tuple[str, ...]
    take_dropout: tuple[str, ...]


def facts_of(
    data_sets: Sequence[DeclaredDataSet],
    networks: Iterable[DeclaredNetwork],
    train_sizes: Iterable[int | None],
    images: bool,
) -> Facts:
    """What the declarations say, and what was seen of the data."""
    networks, sizes = [*networks], [*train_sizes]
    known = [size for size in sizes if size is not None]
    first, *others = [data_set.randomizations for data_set in data_sets]
    return Facts(
        train_size=min(known) if len(known) == len(sizes) else None,
        randomizations=tuple(name for name in first if all(name in other for other in others)),
        images=images,
        blind_to_positions=tuple(network.name for network in networks if network.blind_to_positions),
        take_dropout=tuple(network.name for network in networks if network.takes_dropout),
    )

"""What is so of a zoo's data and networks: its questions ask only what has a meaning for them."""

import dataclasses
from collections.abc import Iterable

from harness.training.declaring import DeclaredDataSet, DeclaredNetwork
from harness.training.recipe import Condition

IMAGE = 3  # dimensions: channels, height, width


@dataclasses.dataclass(frozen=True, kw_only=True)
class Facts:
    """A record has them (definition.py), so that it is read where the data and the networks are not.

    - `train_size`: how many examples the data set has to train on; None if that is not known without reading it.
    - `randomizations`: those of the inputs that have a meaning. `images`: they can be cropped.
    - `blind_to_positions`, `take_dropout`: the names of networks of which that is so.
    """

    train_size: int | None
    randomizations: tuple[Condition, ...]
    images: bool
    blind_to_positions: tuple[str, ...]
    take_dropout: tuple[str, ...]


def facts_of(
    data_set: DeclaredDataSet, networks: Iterable[DeclaredNetwork], train_size: int | None, images: bool
) -> Facts:
    """What the declarations say, and what was seen of the data."""
    networks = [*networks]
    return Facts(
        train_size=train_size,
        randomizations=data_set.randomizations,
        images=images,
        blind_to_positions=tuple(network.name for network in networks if network.blind_to_positions),
        take_dropout=tuple(network.name for network in networks if network.takes_dropout),
    )

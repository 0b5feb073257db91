"""A unit: a data set and a network, trained in one way. A zoo's units are its witnesses; seeds repeat a unit."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError, shown
from harness.training.declaring import DeclaredDataSet, DeclaredNetwork

Fields = Mapping[str, Any]
"""Of a recipe: how a network is trained."""

Declared = DeclaredNetwork | DeclaredDataSet


@dataclasses.dataclass(frozen=True, init=False)
class Unit:
    """A data set and a network, and how the network is trained on it.

    - `data_set`: a function under @data_set, or the name of one of this project.
    - `network`: a function under @network, a member of a family of such, or the name of one of this project.
    - `fields`: the rate of SGD with momentum 0.9, or what `sgd`, `adam` or `adamw` give (trained_with.py); with
      `num_train` in it, so many examples of the data set are trained on, whatever the zoo says.

    Raises HarnessError for a function that is not declared.

    >>> from harness import Unit, sgd
    >>> Unit("noisy_digits", "convnet", sgd(0.06, num_train=512)).name
    'noisy_digits-convnet'
    """

    data_set: str
    network: str
    fields: dict[str, Any]
    declared: tuple[Declared, ...] = dataclasses.field(compare=False, repr=False)

    def __init__(
        self,
        data_set: str | DeclaredDataSet,
        network: str | DeclaredNetwork,
        fields: float | Fields,
        declared: tuple[Declared, ...] = (),
    ):
        brought = tuple(part for part in (data_set, network) if isinstance(part, Declared))
        object.__setattr__(self, "data_set", name_of(data_set, DeclaredDataSet))
        object.__setattr__(self, "network", name_of(network, DeclaredNetwork))
        object.__setattr__(self, "fields", fields_of(network, fields))
        object.__setattr__(self, "declared", declared or brought)

    @property
    def name(self) -> str:
        """What it is called where units are told apart."""
        return f"{self.data_set}-{self.network}"


def name_of(part: Any, kind: type[Declared] | None = None) -> str:
    """The name of what is declared, or the name itself. HarnessError for anything else, or for the other kind."""
    if isinstance(part, str):
        return part
    if isinstance(part, Declared) and kind is not None and not isinstance(part, kind):
        one, other = ("network", "data set") if kind is DeclaredNetwork else ("data set", "network")
        raise HarnessError(f"{part.name!r:.80} is given as the {one} of a unit, and is a {other}; {UNIT}")
    if isinstance(part, Declared):
        return part.name
    decorator = "@network above a function of (input_shape, num_classes), or @data_set above one of (folder)"
    raise HarnessError(f"{shown(getattr(part, '__name__', part), 80)} is not declared; write {decorator}")


UNIT = "expected Unit(data_set, network, rate), or Zoo(name, data_set, {network: rate})"


def fields_of(network: Any, how: float | Fields) -> dict[str, Any]:
    """The fields of its recipes: of a rate alone, or those that were given; of a user's own network, also its code.

    HarnessError for anything else."""
    if isinstance(how, bool) or not isinstance(how, int | float | Mapping):
        raise HarnessError(f"{name_of(network)} is trained with {shown(how)}; expected a rate, or sgd, adam, adamw")
    try:
        fields = {"learning_rate": float(how)} if isinstance(how, int | float) else dict(how)
    except OverflowError as cause:
        raise HarnessError(f"{name_of(network)} is trained with a rate that is too large to be a float") from cause
    code = network.code if isinstance(network, DeclaredNetwork) else ""
    return fields | ({"network_code": code} if code else {})

"""A unit: a data set and a network, trained in one way. A zoo's units are its witnesses; seeds repeat a unit."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
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
        object.__setattr__(self, "data_set", name_of(data_set))
        object.__setattr__(self, "network", name_of(network))
        object.__setattr__(self, "fields", fields_of(network, fields))
        object.__setattr__(self, "declared", declared or brought)

    @property
    def name(self) -> str:
        """What it is called where units are told apart."""
        return f"{self.data_set}-{self.network}"


def name_of(part: Any) -> str:
    """The name of what is declared, or the name itself. HarnessError for anything else."""
    if isinstance(part, str):
        return part
    if isinstance(part, Declared):
        return part.name
    decorator = "@network above a function of (input_shape, num_classes), or @data_set above one of (folder)"
    raise HarnessError(f"{getattr(part, '__name__', part)!r:.80} is not declared; write {decorator}")


def fields_of(network: Any, how: float | Fields) -> dict[str, Any]:
    """The fields of its recipes: of a rate alone, or those that were given; of a user's own network, also its code."""
    fields = {"learning_rate": float(how)} if isinstance(how, int | float) else dict(how)
    code = network.code if isinstance(network, DeclaredNetwork) else ""
    return fields | ({"network_code": code} if code else {})

"""A zoo is a scale to judge at: a data set, networks, seeds. Its twins are the models that the gate compares.

zoo -> twins (natural, randomized) -> recipes. What the questions beyond the gate add is in interventions.py.
"""

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import HarnessError
from harness.training.declaring import DeclaredDataSet, DeclaredNetwork
from harness.training.recipe import Condition, Recipe
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.facts import Facts, facts_of
from harness.zoo.grid import Grid
from harness.zoo.twin import GATE as GATE
from harness.zoo.twin import Twin as Twin

Fields = Mapping[str, Any]
"""Of a recipe: how a network is trained."""


@dataclasses.dataclass(frozen=True, init=False)
class Zoo:
    """A scale: a data set, its networks and how each is trained, and seeds for each network.

    - `name`: under which its records are kept: letters, digits, - and _.
    - `data_set`: a function under @data_set, or the name of one of this project.
    - `networks`: a function under @network, a member of a family of such, or the name of one of this project; and how
      it is trained: the rate of SGD with momentum 0.9, or what `sgd`, `adam` or `adamw` give (trained_with.py).
      Rates are those at which a network fits random labels; on natural data it could take higher ones.
    - `seeds_per_network`: every twin has a seed of its own, so no two twins share a split, an initialisation or a
      random draw. `num_train`: how many examples a recipe is trained on (0: all there are).
    - `grid`: hyperparameters of natural training (Grid), without which that question is not asked.
    - `training`: fields of all its recipes that are not a recipe's defaults: `batch_size`, `max_epochs`, `stop_loss`.

    Raises HarnessError for what cannot be a zoo.

    >>> from harness import Zoo, adamw
    >>> zoo = Zoo("wide", data_set="digits", networks={"mlp_1x1024": 0.1, "convnet": adamw(1e-3)})
    >>> zoo.twins_per_condition
    10
    """

    name: str
    data_set: str
    networks: dict[str, dict[str, Any]]
    seeds_per_network: int
    num_train: int
    grid: Grid | None
    training: dict[str, Any]
    facts: Facts | None
    where: str = dataclasses.field(compare=False)
    declared: tuple[DeclaredNetwork | DeclaredDataSet, ...] = dataclasses.field(compare=False, repr=False)

    def __init__(
        self,
        name: str,
        data_set: str | DeclaredDataSet,
        networks: Mapping[Any, float | Fields],
        seeds_per_network: int = 5,
        num_train: int = 0,
        grid: Grid | None = None,
        training: Fields | None = None,
        facts: Facts | None = None,
        where: str = "",
        declared: tuple[DeclaredNetwork | DeclaredDataSet, ...] = (),
    ):
        trained = {_name(key): _fields(key, how) for key, how in _checked_networks(name, networks).items()}
        brought = [data_set, *networks, *([grid.network] if grid else [])]
        fields = {
            "name": name,
            "data_set": _name(data_set),
            "networks": trained,
            "seeds_per_network": seeds_per_network,
            "num_train": num_train,
            "grid": grid.named() if grid else None,
            "training": dict(training or {}),
            "facts": facts,
            "where": where,
            "declared": declared or tuple(part for part in brought if isinstance(part, _DECLARED)),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        _check(self)

    @property
    def known(self) -> Facts:
        """What is so of its data and networks: what was seen when it was opened, or what this project's declare."""
        return self.facts or self._declared_facts

    @functools.cached_property
    def _declared_facts(self) -> Facts:
        from harness.training.networks.building import network_named  # it imports torch
        from harness.training.reading.raw_data import data_set_named

        data_set = data_set_named(self.data_set)
        return facts_of(data_set, map(network_named, self.networks), data_set.train_size, images=True)

    @property
    def gate(self) -> tuple[Condition, ...]:
        """The conditions that decide whether a measure passes: of GATE those that have a meaning for its inputs."""
        return tuple(name for name in GATE if name == "random_labels" or name in self.known.randomizations)

    @property
    def train_size(self) -> int:
        """How many examples a natural network is trained on."""
        size = self.num_train or self.known.train_size
        if size is None:
            raise HarnessError(f"the {self.name} zoo names no num_train, and how many {self.data_set} has is not known")
        return size

    @property
    def data_described(self) -> str:
        """The data set's name; if that does not say what the data are, also their digest."""
        sha256 = self.training.get("data_sha256")
        if not sha256:
            return self.data_set
        own = any(isinstance(part, DeclaredDataSet) and not part.is_own for part in self.declared)
        return f"{self.data_set}, {'' if own else 'class folders '}with sha256 {sha256}"

    @property
    def twins_per_condition(self) -> int:
        return len(self.networks) * self.seeds_per_network

    def natural(self, network: str, seed: int) -> Recipe:
        """The natural recipe of one of its networks."""
        return Recipe(
            data_set=self.data_set,
            network=network,
            seed=seed,
            **{"num_train": self.num_train, **self.training, **self.networks[network]},
        )


def twins(zoo: Zoo, condition: Condition) -> list[Twin]:
    """The zoo's twins for one condition, one per network and seed; the natural ones serve every condition."""
    if isinstance(zoo, OwnTwins):
        return zoo.twins(condition)
    result = []
    for index, network in enumerate(zoo.networks):
        for number in range(zoo.seeds_per_network):
            natural = zoo.natural(network, seed=index * zoo.seeds_per_network + number)
            result.append(Twin(natural, dataclasses.replace(natural, condition=condition)))
    return result


def recipes(zoo: Zoo, conditions: Iterable[Condition]) -> list[Recipe]:
    """The recipes that these conditions need, each once, those that take longest first."""
    if isinstance(zoo, OwnTwins):
        return zoo.recipes(conditions)
    found: dict[Recipe, None] = {}
    for condition in conditions:
        found |= {twin.randomized: None for twin in twins(zoo, condition)}
    found |= {twin.natural: None for twin in twins(zoo, "random_labels")}
    return list(found)


_DECLARED = (DeclaredNetwork, DeclaredDataSet)


def _name(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, _DECLARED):
        return part.name
    decorator = "@network above a function of (input_shape, num_classes), or @data_set above one of (folder)"
    raise HarnessError(f"{getattr(part, '__name__', part)!r:.80} is not declared; write {decorator}")


def _fields(network: Any, how: float | Fields) -> dict[str, Any]:
    fields = {"learning_rate": float(how)} if isinstance(how, int | float) else dict(how)
    code = network.code if isinstance(network, DeclaredNetwork) else ""
    return fields | ({"network_code": code} if code else {})


def _checked_networks(zoo: str, networks: Any) -> Mapping[Any, float | Fields]:
    """HarnessError unless they are a mapping of declared networks, each of a name of its own."""
    if not isinstance(networks, Mapping) or not networks:
        raise HarnessError(f"the networks of the {zoo} zoo are {networks!r:.60}; expected {{network: learning rate}}")
    names = [_name(network) for network in networks]
    for network, name in zip(networks, names, strict=True):
        if names.count(name) > 1:
            raise HarnessError(f"two networks of the {zoo} zoo are named {name!r}; rename one of the functions")
        if isinstance(network, DeclaredNetwork) and network.sizes:
            sizes = ", ".join(f"{size}=..." for size in network.sizes)
            raise HarnessError(f"{name} is a family of networks; name one: {network.function.__name__}.member({sizes})")
        if isinstance(how := networks[network], bool) or not isinstance(how, int | float | Mapping):
            raise HarnessError(f"the {zoo} zoo trains {name} with {how!r:.60}; expected a rate, or sgd, adam, adamw")
    return networks


NOT_A_ZOOS = ("data_set", "network", "seed", "condition", "corrupted_fraction", "attack", "steps_of")
"""Fields of a recipe by which its models differ."""


def _check(zoo: Zoo) -> None:
    if not isinstance(zoo.name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", zoo.name):
        raise HarnessError(
            f"a zoo is named {zoo.name!r:.60}; its records are kept under it: use letters, digits, - and _"
        )
    for field, least in (("seeds_per_network", 1), ("num_train", 0)):
        if type(value := getattr(zoo, field)) is not int or value < least:
            raise HarnessError(f"{field} of the {zoo.name} zoo is {value!r:.60}; expected a number, {least} or more")
    given = [zoo.training, *zoo.networks.values(), *([zoo.grid.training] if zoo.grid else [])]
    if wrong := [field for fields in given for field in fields if field in NOT_A_ZOOS]:
        raise HarnessError(f"the {zoo.name} zoo sets {wrong[0]}, which its suites do; leave it out")
    try:
        ids = [recipe.id for network in zoo.networks for recipe in [zoo.natural(network, 0)]]
        if zoo.grid:
            ids += [zoo.grid.recipe(zoo.data_set, point, 0, zoo.training).id for point in zoo.grid.points()]
    except (TypeError, ValueError) as cause:
        raise HarnessError(f"the {zoo.name} zoo cannot be trained: {_said(cause)}") from cause
    for name in ids:
        if ids.count(name) > 1:
            raise HarnessError(
                f"two models of the {zoo.name} zoo have the id {name}; give the grid another num_train, or batch sizes "
                f"other than {Recipe.batch_size}"
            )


def _said(cause: BaseException) -> str:
    """Of a field that a recipe does not have, its name."""
    found = re.search(
        r"unexpected keyword argument '(\w+)'|got multiple values for keyword argument '(\w+)'", str(cause)
    )
    if found is None:
        return str(cause)
    known = ", ".join(field.name for field in dataclasses.fields(Recipe))
    return f"a recipe has no field {found[1]!r}; it has {known}" if found[1] else f"{found[2]} is given twice"

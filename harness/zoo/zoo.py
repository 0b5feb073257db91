"""A zoo is a scale to judge at: units (a data set and a network each), seeds. Its twins are what the gate compares.

zoo -> twins (natural, randomized) -> recipes. What the questions beyond the gate add is in interventions.py.
"""

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.errors import HarnessError, check_given, shown
from harness.training.declaring import DeclaredDataSet, DeclaredNetwork
from harness.training.recipe import Condition, Recipe
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.facts import Facts, facts_of
from harness.zoo.fresh import fresh_name, scale_and_number, seed_at
from harness.zoo.grid import Grid
from harness.zoo.once_per_zoo import KEPT, once_per_zoo
from harness.zoo.twin import GATE as GATE
from harness.zoo.twin import Twin as Twin
from harness.zoo.unit import Declared, Fields, Unit, name_of


@dataclasses.dataclass(frozen=True, init=False)
class Zoo:
    """A scale: data sets, networks and how each is trained, and seeds for each.

    - `name`: under which its records are kept: letters, digits, - and _. One that ends in -fresh-7 says that its seeds
      are fresh (fresh.py).
    - `data_set`: a function under @data_set, or the name of one of this project.
    - `networks`: a function under @network, a member of a family of such, or the name of one of this project; and how
      it is trained: the rate of SGD with momentum 0.9, or what `sgd`, `adam` or `adamw` give (trained_with.py).
      Rates are those at which a network fits random labels; on natural data it could take higher ones.
    - `seeds_per_network`: of each unit. Every twin has a seed of its own, so no two twins share a split, an
      initialisation or a random draw. `num_train`: how many examples a recipe is trained on (0: all there are).
    - `grid`: hyperparameters of natural training (Grid), without which that question is not asked; of several data
      sets, it is on the first.
    - `training`: fields of all its recipes that are not a recipe's defaults: `batch_size`, `max_epochs`, `stop_loss`.
    - `units`: in place of `data_set` and `networks`, for several data sets: each a data set with one network (Unit).

    Raises HarnessError for what cannot be a zoo.

    >>> from harness import Unit, Zoo, adamw
    >>> zoo = Zoo("wide", data_set="digits", networks={"mlp_1x1024": 0.1, "convnet": adamw(1e-3)})
    >>> zoo.twins_per_condition
    10
    >>> Zoo("both", units=[*zoo.units, Unit("noisy_digits", "mlp_1x1024", 0.1)]).data_sets
    ('digits', 'noisy_digits')
    """

    name: str
    units: tuple[Unit, ...]
    seeds_per_network: int
    num_train: int
    grid: Grid | None
    training: dict[str, Any]
    facts: Facts | None
    where: str = dataclasses.field(compare=False)
    declared: tuple[Declared, ...] = dataclasses.field(compare=False, repr=False)

    def __init__(
        self,
        name: str,
        data_set: str | DeclaredDataSet = "",
        networks: Mapping[Any, float | Fields] | None = None,
        seeds_per_network: int = 5,
        num_train: int = 0,
        grid: Grid | None = None,
        training: Fields | None = None,
        facts: Facts | None = None,
        where: str = "",
        declared: tuple[Declared, ...] = (),
        units: Sequence[Unit] = (),
    ):
        check_given(Zoo.__init__, {"grid": grid, "training": training, "facts": facts}, "{} of a zoo".format)
        if data_set or networks is not None:
            units = _units_of(name, data_set, networks, units)
        brought = [part for unit in _checked_units(name, units) for part in unit.declared]
        brought += [grid.network] if grid and isinstance(grid.network, DeclaredNetwork) else []
        fields = {
            "name": name,
            "units": tuple(units),
            "seeds_per_network": seeds_per_network,
            "num_train": num_train,
            "grid": grid.named() if grid else None,
            "training": dict(training or {}),
            "facts": facts,
            "where": where,
            "declared": declared or tuple(dict.fromkeys(brought)),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)
        for part in self.declared:
            _ = part.code  # from now on it is that of the file as it was imported, whatever becomes of the file
        _check(self)

    def __getstate__(self) -> dict[str, Any]:
        """What was worked out from it does not travel with it."""
        return {name: value for name, value in vars(self).items() if name != KEPT}

    @property
    def data_sets(self) -> tuple[str, ...]:
        """The names of its data sets, each once."""
        return tuple(dict.fromkeys(unit.data_set for unit in self.units))

    @property
    def data_set(self) -> str:
        """The name of its data set; of several, of the first."""
        return self.units[0].data_set

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        """Its networks by their names, with the fields of their recipes: of the first unit that has the network."""
        found: dict[str, dict[str, Any]] = {}
        for unit in self.units:
            found.setdefault(unit.network, unit.fields)
        return found

    @property
    def known(self) -> Facts:
        """What is so of its data and networks: what was seen when it was opened, or what this project's declare."""
        return self.facts or self._declared_facts

    @functools.cached_property
    def _declared_facts(self) -> Facts:
        from harness.training.networks.building import network_named  # it imports torch
        from harness.training.reading.raw_data import data_set_named

        data_sets = [*map(data_set_named, self.data_sets)]
        sizes = [data_set.train_size for data_set in data_sets]
        return facts_of(data_sets, map(network_named, self.networks), sizes, images=True)

    @property
    def gate(self) -> tuple[Condition, ...]:
        """The conditions that decide whether a measure passes: of GATE those that have a meaning for its inputs."""
        return tuple(name for name in GATE if name == "random_labels" or name in self.known.randomizations)

    @property
    def train_size(self) -> int:
        """How many examples a natural network is trained on; of several units, the fewest."""
        return min(self.train_size_of(self.natural(unit, 0)) for unit in self.units)

    def train_size_of(self, natural: Recipe) -> int:
        """How many examples one of its natural recipes is trained on."""
        size = natural.num_train or self.known.train_size
        if size is None:
            raise HarnessError(
                f"the {self.name} zoo names no num_train, and how many {natural.data_set} has is not known"
            )
        return size

    @property
    def data_described(self) -> str:
        """The names of its data sets; where one does not say what the data are, also their digest."""
        return "; ".join(self._described(name) for name in self.data_sets)

    def _described(self, data_set: str) -> str:
        unit = next(unit for unit in self.units if unit.data_set == data_set)
        sha256 = {**self.training, **unit.fields}.get("data_sha256")
        if not sha256:
            return data_set
        given = [part for part in self.declared if isinstance(part, DeclaredDataSet) and not part.is_own]
        own = any(part.name == data_set for part in given)
        return f"{data_set}, {'' if own else 'class folders '}with sha256 {sha256}"

    @property
    def twins_per_condition(self) -> int:
        return len(self.units) * self.seeds_per_network

    @functools.cached_property
    def fresh(self) -> int:
        """The number of its seeds, where these are fresh; 0 where they are its own."""
        return scale_and_number(self.name)[1]

    @property
    def scale(self) -> "Zoo":
        """The zoo that its fresh twins are of; itself where they are not."""
        return dataclasses.replace(self, name=scale_and_number(self.name)[0]) if self.fresh else self

    def with_fresh(self, number: int) -> "Zoo":
        """The same with fresh seeds, others for each number. HarnessError if it is no number, or they are fresh."""
        return dataclasses.replace(self, name=fresh_name(self.name, number))

    def seed_at(self, place: int) -> int:
        """The seed of a place among its twins, or of the grid."""
        return seed_at(self.fresh, place)

    def natural(self, unit: Unit | str, place: int) -> Recipe:
        """The natural recipe of one of its units; of a network's name, of the first unit that has it."""
        if isinstance(unit, str):
            unit = next(each for each in self.units if each.network == unit)
        fields = {"num_train": self.num_train, **self.training, **unit.fields}
        return Recipe(data_set=unit.data_set, network=unit.network, seed=self.seed_at(place), **fields)

    @property
    def of_grid(self) -> list[Recipe]:
        """A natural recipe of every point of its grid; none without a grid."""
        grid, seed = self.grid, self.seed_at(0)
        return [grid.recipe(self.data_set, point, seed, self.training) for point in grid.points()] if grid else []


def twins(zoo: Zoo, condition: Condition) -> list[Twin]:
    """The zoo's twins for one condition, one per unit and seed; the natural ones serve every condition."""
    if isinstance(zoo, OwnTwins):
        return zoo.twins(condition)
    return _twins(zoo, condition)


@once_per_zoo
def _twins(zoo: Zoo, condition: Condition) -> list[Twin]:
    result = []
    for index, unit in enumerate(zoo.units):
        for number in range(zoo.seeds_per_network):
            natural = zoo.natural(unit, index * zoo.seeds_per_network + number)
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


def _units_of(zoo: str, data_set: str | DeclaredDataSet, networks: Any, units: Sequence[Unit]) -> tuple[Unit, ...]:
    """The units of one data set with several networks. What is not given is as in the `units` that it replaces."""
    if units and networks is None:
        return tuple(Unit(data_set, unit.network, unit.fields) for unit in units)
    if not data_set and len({unit.data_set for unit in units}) == 1:
        data_set = units[0].data_set
    if not data_set:
        raise HarnessError(f"the {zoo} zoo has networks without a data set; give data_set too, or units alone")
    return tuple(Unit(data_set, network, how) for network, how in _checked_networks(zoo, networks).items())


def _checked_units(zoo: str, units: Any) -> Sequence[Unit]:
    """HarnessError unless they are units, each of a data set and a network that no other has."""
    if not isinstance(units, list | tuple) or not units or not all(isinstance(unit, Unit) for unit in units):
        raise HarnessError(
            f"the units of the {zoo} zoo are {shown(units)}; expected [Unit(data_set, network, rate), ...], or "
            "data_set and networks"
        )
    names = [(unit.data_set, unit.network) for unit in units]
    if twice := [name for name in names if names.count(name) > 1]:
        raise HarnessError(f"two units of the {zoo} zoo are {twice[0][1]!r} on {twice[0][0]!r}; leave one out")
    return units


def _checked_networks(zoo: str, networks: Any) -> Mapping[Any, float | Fields]:
    """HarnessError unless they are a mapping of declared networks, each of a name of its own."""
    if not isinstance(networks, Mapping) or not networks:
        raise HarnessError(f"the networks of the {zoo} zoo are {shown(networks)}; expected {{network: learning rate}}")
    names = [name_of(network) for network in networks]
    for network, name in zip(networks, names, strict=True):
        if names.count(name) > 1:
            raise HarnessError(f"two networks of the {zoo} zoo are named {name!r}; rename one of the functions")
        if isinstance(network, DeclaredNetwork) and network.sizes:
            sizes = ", ".join(f"{size}=..." for size in network.sizes)
            raise HarnessError(f"{name} is a family of networks; name one: {network.function.__name__}.member({sizes})")
    return networks


NOT_A_ZOOS = ("data_set", "network", "seed", "condition", "corrupted_fraction", "attack", "steps_of")
"""Fields of a recipe by which its models differ."""


def _check(zoo: Zoo) -> None:
    if not isinstance(zoo.name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", zoo.name):
        raise HarnessError(
            f"a zoo is named {shown(zoo.name)}; its records are kept under it: use letters, digits, - and _"
        )
    for field, least in (("seeds_per_network", 1), ("num_train", 0)):
        if type(value := getattr(zoo, field)) is not int or value < least:
            raise HarnessError(
                f"{field} of the {zoo.name} zoo is {shown(value)}; expected a whole number (int), {least} or more"
            )
    given = [zoo.training, *(unit.fields for unit in zoo.units), *([zoo.grid.training] if zoo.grid else [])]
    if wrong := [field for fields in given for field in fields if field in NOT_A_ZOOS]:
        raise HarnessError(f"the {zoo.name} zoo sets {wrong[0]}, which its suites do; leave it out")
    try:
        ids = [recipe.id for recipe in (*(zoo.natural(unit, 0) for unit in zoo.units), *zoo.of_grid)]
    except (TypeError, ValueError) as cause:
        raise HarnessError(f"the {zoo.name} zoo cannot be trained: {_said(cause)}") from cause
    for name in ids:
        if ids.count(name) > 1:
            raise HarnessError(
                f"two models of the {zoo.name} zoo have the id {name}; give the grid another num_train, or batch sizes "
                f"other than {Recipe.batch_size}"
            )


def _said(cause: BaseException) -> str:
    """Of a field that a recipe does not have, or lacks, its name."""
    if "missing" in str(cause) and "'learning_rate'" in str(cause):
        return "a network has no learning_rate; give one, sgd(0.1), in its own fields or in training"
    found = re.search(
        r"unexpected keyword argument '(\w+)'|got multiple values for keyword argument '(\w+)'", str(cause)
    )
    if found is None:
        return str(cause)
    known = ", ".join(field.name for field in dataclasses.fields(Recipe))
    return f"a recipe has no field {found[1]!r}; it has {known}" if found[1] else f"{found[2]} is given twice"

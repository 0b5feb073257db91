"""A zoo as a record holds it: all that says which models it asks for, without the code of its networks and its data."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
from harness.training.recipe import Condition
from harness.zoo.facts import Facts
from harness.zoo.grid import Grid
from harness.zoo.unit import Unit
from harness.zoo.zoo import GATE, Zoo


def definition_of(zoo: Zoo) -> dict[str, Any]:
    """The zoo as JSON; `zoo_of` gives the same zoo.

    A zoo of one data set has it, and networks; one of several has units. Networks, units and axes are lists: their
    order is that of the seeds and of a point's values, and a record's keys are sorted.
    """
    grid = zoo.grid
    return {
        "name": zoo.name,
        **_units(zoo),
        "seeds_per_network": zoo.seeds_per_network,
        "num_train": zoo.num_train,
        "training": dict(zoo.training),
        "grid": None if grid is None else _grid(grid),
        "facts": {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(zoo.known).items()},
    }


def zoo_of(definition: Mapping[str, Any]) -> Zoo:
    """The zoo that was defined so. HarnessError for what does not define one."""
    try:
        facts: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in definition["facts"].items()
        }
        grid = definition["grid"]
        if grid is not None:
            axes = {name: tuple(values) for name, values in grid["axes"]}
            grid = Grid(**{**grid, "axes": axes})
        given = {**definition, "facts": Facts(**facts), "grid": grid}
        if "units" in definition:
            return Zoo(**given | {"units": [Unit(*unit) for unit in definition["units"]]})
        return Zoo(**given | {"networks": dict(definition["networks"])})
    except (TypeError, KeyError, AttributeError, ValueError) as cause:
        raise HarnessError(f"not the definition of a zoo ({type(cause).__name__}: {cause!s:.100})") from cause


def gate_of(described: Mapping[str, Any]) -> tuple[Condition, ...]:
    """The conditions of a recorded zoo's gate: all of them, where the record has no definition of it."""
    return zoo_of(described["definition"]).gate if "definition" in described else GATE


def _units(zoo: Zoo) -> dict[str, Any]:
    if len(zoo.data_sets) > 1:
        return {"units": [[unit.data_set, unit.network, dict(unit.fields)] for unit in zoo.units]}
    networks = [[unit.network, dict(unit.fields)] for unit in zoo.units]
    return {"data_set": zoo.data_set, "networks": networks}


def _grid(grid: Grid) -> dict[str, Any]:
    return {
        "network": grid.pattern,
        "axes": [[name, list(values)] for name, values in grid.axes.items()],
        "num_train": grid.num_train,
        "seeds": grid.seeds,
        "training": dict(grid.training),
    }

"""From what a user types after --zoo to a zoo that can be worked on: found by its door, then opened on its data.

The doors are a name, `path/file.py::zoo`, `package.module:zoo`, and the entry points of installed packages.
"""

import dataclasses
import difflib
import importlib.metadata
import math
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError, kind_of
from harness.files.user_module import import_file, import_module, user_file
from harness.settings import Settings
from harness.training.declaring import OPENED, is_own, open_declarations
from harness.zoo.facts import IMAGE, Facts, facts_of
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS

if TYPE_CHECKING:
    from harness.training.reading.raw_data import RawData

ENTRY_POINTS = "shatterproof.zoos"


def find_zoo(spec: str) -> Zoo:
    """The zoo that the spec names. HarnessError, with near names, if there is none, or it cannot be imported."""
    if spec in ZOOS:
        return ZOOS[spec]
    if _is_file(spec):
        return _of_file(spec)
    if ":" in spec:
        module, _, name = spec.partition(":")
        called = f"--zoo={spec:.200}"
        if module.endswith(".py"):
            raise HarnessError(f"{called}: write {module}::{name}")
        return _member(import_module(module, called), name, f"{module}:", called)
    points = entry_points()
    if spec in points:
        point = points[spec]
        called = f"entry point {point.name} = {point.value}"
        return _member(import_module(point.module, called), point.attr, f"{point.module}:", called)
    known = [*ZOOS, *points]
    near = difflib.get_close_matches(spec, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise HarnessError(f"unknown zoo {spec!r:.200}; {hint}known: {', '.join(known)}")


def entry_points() -> dict[str, importlib.metadata.EntryPoint]:
    """Those by which installed packages name their zoos. HarnessError where two are of one name, or one is ours."""
    found: dict[str, importlib.metadata.EntryPoint] = {}
    for point in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda point: point.value):
        other = "this project" if point.name in ZOOS else found[point.name].value if point.name in found else ""
        if other and (other == "this project" or found[point.name].value != point.value):
            raise HarnessError(
                f"two zoos are named {point.name!r}: of {other} and {point.value}; uninstall one of them"
            )
        found[point.name] = point
    return found


def opened(spec: str, settings: Settings) -> tuple[Zoo, Settings]:
    """The zoo that the spec names, `open_zoo`ed."""
    return open_zoo(find_zoo(spec), settings)


def open_zoo(zoo: Zoo, settings: Settings) -> tuple[Zoo, Settings]:
    """The zoo on the data that are there, and the settings with which other processes find what it declares.

    This process finds its networks and its data set by their names from now on. Where the name of the data does not say
    what they are (a user's own, CIFAR-10 in class folders, which may be JPEG), recipes name their digest, and that of a
    user's function: other models are trained on other data. HarnessError where data or networks are not what can be
    trained.
    """
    found, problems, settings = tried(zoo, settings)
    if problems:
        raise HarnessError(f"the {zoo.name} zoo: {problems[0]}")
    return found, settings


def tried(zoo: Zoo, settings: Settings) -> tuple[Zoo, list[str], Settings]:
    """The same with a sentence for each thing that is wrong with the zoo's size or its networks, in place of an error.

    HarnessError where there are no data, or these are not what a data set gives.
    """
    from harness.training.reading.raw_data import data_set_named, is_known_by_name, read_once  # they import torch
    from harness.zoo.contract import check_names, problems_of_networks

    check_names(zoo)
    if not zoo.where and (door := _door_of(zoo)):
        zoo = dataclasses.replace(zoo, where=door)
    open_declarations(zoo.where, zoo.declared)
    settings = dataclasses.replace(settings, declared_in=zoo.where)
    raws = {}
    unknown = {}
    for name in zoo.data_sets:
        data_set = data_set_named(name)
        by_name = is_known_by_name(data_set, settings.data_dir)
        if not by_name or zoo.where:
            raws[name] = read_once(data_set, settings.data_dir, settings.cache_dir)
        if not by_name:
            unknown[name] = {"data_sha256": raws[name].sha256} | ({"data_code": data_set.code} if data_set.code else {})
    if unknown:
        zoo = _with_digests(zoo, unknown)
    if not zoo.where:
        return zoo, [], settings
    zoo = dataclasses.replace(zoo, facts=_facts(zoo, raws))
    if problems := [*_problems_of_size(zoo, raws), *_problems_of_stopping(zoo, raws)]:
        return zoo, problems, settings
    return zoo, list(problems_of_networks(zoo, raws)), settings


def _with_digests(zoo: Zoo, digests: Mapping[str, Mapping[str, str]]) -> Zoo:
    """The zoo whose recipes have these fields of their data sets: all of its recipes, or its units' and its grid's."""
    if len(zoo.data_sets) == 1:
        return dataclasses.replace(zoo, training={**zoo.training, **digests[zoo.data_set]})
    units = [dataclasses.replace(unit, fields={**unit.fields, **digests.get(unit.data_set, {})}) for unit in zoo.units]
    grid = zoo.grid
    if grid is not None:
        grid = dataclasses.replace(grid, training={**grid.training, **digests.get(zoo.data_set, {})})
    return dataclasses.replace(zoo, units=tuple(units), grid=grid)


def _door_of(zoo: Zoo) -> str:
    """The door of a zoo that was given as it is: the file that it stands in; "" if all it has is this project's."""
    brought = [part for part in zoo.declared if not is_own(part.function)]
    if not brought:
        return ""
    module = sys.modules.get(brought[0].function.__module__)
    names = [name for name, value in vars(module).items() if value is zoo] if module else []
    file = getattr(module, "__file__", None)
    if not names or not file:
        raise HarnessError(
            f"the zoo {zoo.name!r} stands in no file of its networks and data, where other processes look for it; "
            "write it there, and give file.py::zoo"
        )
    return f"{Path(file).resolve()}::{names[0]}"


def _facts(zoo: Zoo, raws: Mapping[str, "RawData"]) -> Facts:
    from harness.training.networks.building import network_named
    from harness.training.reading.raw_data import data_set_named, train_size_of

    networks = [network_named(name) for name in zoo.networks]
    images = all(raw.images.ndim == 1 + IMAGE for raw in raws.values())
    return facts_of([*map(data_set_named, raws)], networks, map(train_size_of, raws.values()), images)


def _problems_of_size(zoo: Zoo, raws: Mapping[str, "RawData"]) -> Iterator[str]:
    there = zoo.known.train_size or 0
    asked = [(zoo.num_train, "num_train"), (zoo.grid.num_train if zoo.grid else 0, "the grid's num_train")]
    asked += [(unit.fields.get("num_train", 0), f"num_train of {unit.name}") for unit in zoo.units]
    for wanted, what in asked:
        if wanted > there:
            yield f"{what} is {wanted}; {', '.join(zoo.data_sets)} has {there} examples to train on"
    for natural in [*(zoo.natural(unit, 0) for unit in zoo.units), *zoo.of_grid]:
        size, classes = zoo.train_size_of(natural), raws[natural.data_set].num_classes
        if size < classes:
            yield f"num_train is {size}, fewer than the {classes} classes of {natural.data_set}; give it more examples"
            return


def _problems_of_stopping(zoo: Zoo, raws: Mapping[str, "RawData"]) -> Iterator[str]:
    """A network that stops at a loss that a guess has would count as one that fits its training set."""
    naturals = [(unit.name, zoo.natural(unit, 0)) for unit in zoo.units]
    for name, natural in naturals + [("the grid", recipe) for recipe in zoo.of_grid]:
        loss, guess = natural.stop_loss, math.log(raws[natural.data_set].num_classes)
        if loss >= guess:
            yield (
                f"stop_loss of {name} is {loss:g}; equal guesses at every class have a cross-entropy of "
                f"{guess:.3g} nats, and a network that fits has far less: leave it out, or give 0.01"
            )
            return


def reopen(settings: Settings) -> None:
    """In another process: have what the zoo declares be found by its name there. HarnessError if it is not there."""
    reopen_at(settings.declared_in)


def reopen_at(where: str) -> None:
    """The same by the door of the zoo; "" leaves all as it is."""
    if where and OPENED.where != where:
        open_declarations(where, find_zoo(where).declared)


def _is_file(spec: str) -> bool:
    path = spec.partition("::")[0]
    return path.endswith(".py") or "::" in spec or os.sep in path


def _of_file(spec: str) -> Zoo:
    called = f"--zoo={spec!r:.200}" if "\0" in spec else f"--zoo={spec:.200}"
    text, _, name = spec.partition("::")
    path = user_file(text, called)
    return _member(import_file(path, called), name, f"{path}::", called)


def _member(module: ModuleType, name: str, door: str, called: str) -> Zoo:
    """The module's zoo of that name, or its only one. `door`: with the name, it leads another process there."""
    zoos = {name: value for name, value in vars(module).items() if isinstance(value, Zoo)}
    found: Any = getattr(module, name, None) if name else None
    if not name and len({id(zoo) for zoo in zoos.values()}) == 1:
        name, found = next(iter(zoos.items()))
    if not isinstance(found, Zoo):
        known = ", ".join(zoos) or "none"
        if name and name in vars(module):
            raise HarnessError(f"{called}: {name!r} in it is {kind_of(found)}; expected a Zoo; zoos in it: {known}")
        what = "which of its zoos?" if zoos and not name else f"there is no zoo{name and f' {name!r}'} in it"
        raise HarnessError(f"{called}: {what}; it has {known}")
    if problem := next(_names_taken(found, zoos), ""):
        raise HarnessError(f"{called}: {problem}")
    return dataclasses.replace(found, where=f"{door}{name}")


def _names_taken(zoo: Zoo, others: dict[str, Zoo]) -> Iterator[str]:
    if zoo.name in ZOOS and zoo is not ZOOS[zoo.name]:
        yield f"two zoos are named {zoo.name!r}, this one and one of this project; rename it"
    alike = [name for name, other in others.items() if other.name == zoo.name and other != zoo]
    if alike:
        yield f"two zoos are named {zoo.name!r}, {alike[0]} is the other; rename one: records are kept by the name"

"""One trained network, or a natural one and its randomized twin, for trying things out; trained first if missing."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.calling.handed_out import handed_out
from harness.errors import HarnessError, check_given, check_not_empty
from harness.evaluation.load_model import load_model as load_stored
from harness.judging.plan import all_recipes
from harness.judging.units.witnesses import unit_of
from harness.options import in_python, settings_of
from harness.settings import Settings
from harness.training.recipe import Condition, Recipe
from harness.zoo.build import build
from harness.zoo.opening import find_zoo, open_zoo
from harness.zoo.zoo import Zoo
from harness.zoo.zoo import twins as twins_of
from measures.errors import NotApplicable

if TYPE_CHECKING:
    from measures.trained_model import TrainedModel


def twins(
    zoo: str | Path | Zoo = "digits",
    condition: str = "random_labels",
    network: str = "",
    number: int = 0,
    *,
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> "tuple[TrainedModel, TrainedModel]":
    """A natural network and its randomized twin, as a measure from outside the project receives them.

    - `zoo`: its name, or a Zoo. `condition`: what is randomized, `random_labels`, `random_pixels` or `gaussian`.
    - `network`: its name in the zoo, with its data set before it where there are several (`noisy_digits-convnet_bn`),
      by default the first; `number`: which of its twins, from 0.
    - `cache_dir`, `data_dir`: as `judge` has them. Networks that are not there are trained first.

    Raises HarnessError for a name that the zoo does not have.

    >>> from harness import twins
    >>> natural, randomized = twins("digits", "random_labels")
    >>> natural.inputs.shape == randomized.inputs.shape, natural.num_classes
    (True, 10)
    >>> twins(condition="random_lables")
    Traceback (most recent call last):
    harness.errors.HarnessError: the digits zoo has no condition 'random_lables'; did you mean 'random_labels'? ...
    """
    check_given(twins, {"condition": condition, "network": network, "number": number})
    opened, settings = _opened(zoo, cache_dir, data_dir)
    of_condition: dict[str, Condition] = {name: name for name in opened.gate}
    pairs = twins_of(opened, of_condition[_known(condition, of_condition, f"the {opened.name} zoo has no condition")])
    several = len(opened.data_sets) > 1
    units = {name: unit for unit in reversed(opened.units) for name in (unit.network, *[unit.name] * several)}
    name = _known(network or opened.units[0].network, units, f"the {opened.name} zoo has no network")
    of_network = [pair for pair in pairs if unit_of(pair.natural) == (units[name].data_set, units[name].network)]
    if not 0 <= number < len(of_network):
        raise HarnessError(f"number is {number}; {name} has twins 0 to {len(of_network) - 1} in the {opened.name} zoo")
    natural, randomized = _loaded([of_network[number].natural, of_network[number].randomized], settings)
    return natural, randomized


def load_model(
    name: str,
    zoo: str | Path | Zoo = "digits",
    *,
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> "TrainedModel":
    """The network of that name, as `shatterproof zoo list --findings` has them, otherwise as `twins`.

    >>> from harness import load_model
    >>> load_model("digits-mlp_1x46-true_labels-n100-seed0")
    Traceback (most recent call last):
    harness.errors.HarnessError: the digits zoo has no model 'digits-mlp_1x46-...'; did you mean 'digits-mlp_...'? ...
    """
    check_given(load_model, {"name": name})
    opened, settings = _opened(zoo, cache_dir, data_dir)
    known = {recipe.id: recipe for recipe in all_recipes(opened)}
    (model,) = _loaded([known[_known(name, known, f"the {opened.name} zoo has no model")]], settings)
    return model


def _opened(zoo: str | Path | Zoo, cache_dir: str | Path | None, data_dir: str | Path | None) -> tuple[Zoo, Settings]:
    try:
        check_given(_opened, {"zoo": zoo})
        check_not_empty({"zoo": zoo})
        settings = settings_of({"cache_dir": cache_dir, "data_dir": data_dir})
        return open_zoo(find_zoo(str(zoo)) if isinstance(zoo, str | Path) else zoo, settings)
    except HarnessError as problem:
        raise HarnessError(in_python(str(problem))) from problem


def _loaded(recipes: list[Recipe], settings: Settings) -> "list[TrainedModel]":
    build(recipes, settings)
    try:
        return [handed_out(load_stored(recipe, settings)) for recipe in recipes]
    except NotApplicable as reason:
        raise HarnessError(str(reason)) from reason


def _known(name: str, known: Iterable[str], lacking: str) -> str:
    if name in (names := [*known]):
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    shown = ", ".join(names) if len(names) <= 10 else f"{len(names)}, as `shatterproof zoo list --findings` shows"
    raise HarnessError(f"{lacking} {name!r:.100}; {hint}known: {shown}")

"""Random directions: sums of the catalogue's measures, each with a weight that was drawn.

Measures of the catalogue mostly see the same few things, some of them with the wrong sign. A direction that nobody has
chosen sees them too: it is not nothing.
"""

from collections.abc import Sequence

import numpy as np

from harness.judging.nulls.null import Material, Null, Values
from harness.judging.units.decision import Unit
from harness.judging.units.witnesses import unit_of
from harness.training.recipe import Recipe
from harness.zoo.zoo import recipes

LEAST = 10
"""Fewer measures with a value on every model of the gate are not a space to draw from."""


def columns(material: Material) -> list[str]:
    """The measures that have a value wherever they were recorded, all models of the gate among these."""
    gate = recipes(material.zoo, material.zoo.gate)
    return [
        name
        for name, values in material.catalogue.items()
        if None not in values.values() and all(recipe in values for recipe in gate)
    ]


def space(material: Material, names: Sequence[str]) -> tuple[list[Recipe], np.ndarray]:
    """The models on which all of these have values, and the values, (models, measures).

    Each is standardized within its unit, by mean and deviation over the models of the gate, as scales differ between
    networks; models of no unit of the gate, a grid's, are standardized together. What is constant there is 0.
    """
    known = [recipe for recipe in material.outcomes if all(recipe in material.catalogue[name] for name in names)]
    values = np.array([[material.catalogue[name][recipe] for name in names] for recipe in known], dtype=float)
    gate = recipes(material.zoo, material.zoo.gate)
    units, judged = {unit_of(recipe) for recipe in gate}, {*gate}
    strata: dict[Unit | None, list[int]] = {}
    for place, recipe in enumerate(known):
        own = unit_of(recipe)
        strata.setdefault(own if own in units else None, []).append(place)
    found = np.zeros_like(values)
    for unit, places in strata.items():
        reference = [place for place in places if unit is None or known[place] in judged]
        found[places] = _standardized(values[places], values[reference])
    return known, found


def directions(material: Material) -> list[Null]:
    """Normal weights, drawn each time. None where too little of the catalogue is recorded."""
    names = columns(material)
    if len(names) < LEAST:
        return []
    known, found = space(material, names)

    def draw(rng: np.random.Generator) -> Values:
        return dict(zip(known, (found @ rng.standard_normal(len(names))).tolist(), strict=True))

    return [Null(f"a random direction among {len(names)} measures", draw)]


def _standardized(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    size = np.abs(reference).max(axis=0)
    size[size == 0] = 1.0  # then no square overflows
    scaled, of = values / size, reference / size
    deviation = of.std(axis=0)
    constant = np.ptp(of, axis=0) == 0
    deviation[constant] = 1.0
    return np.where(constant, 0.0, (scaled - of.mean(axis=0)) / deviation)

"""The numbers of what JavaScript draws of a measure: its values on twins, and how far each intervention moves it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import HarnessError
from harness.leaderboard.page.packed import packed
from harness.records.measure_profile import Fraction, Step, Value, profiles
from harness.records.measure_profile import recipes as profile_recipes
from harness.zoo.definition import zoo_of
from harness.zoo.zoo import GATE, Zoo, twins
from harness.zoo.zoos import ZOOS

Record = Mapping[str, Any]


def recorded(described: Mapping[str, Any]) -> Zoo | None:
    """The zoo that a record defines; of one without a definition, this project's of its name. None for neither."""
    try:
        return zoo_of(described["definition"]) if "definition" in described else ZOOS.get(described["name"])
    except HarnessError:
        return None


def twins_by_unit(zoo: Zoo) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """For each unit, the ids of each seed's models: natural, then under each condition of the gate."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for seeds in zip(*(twins(zoo, condition) for condition in GATE), strict=True):
        natural = seeds[0].natural
        models = (natural.id, *(twin.randomized.id for twin in seeds))
        found.setdefault((natural.data_set, natural.network), []).append(models)
    return found


def values_of(record: Record, units: Mapping[Any, Sequence[tuple[str, ...]]]) -> str | None:
    """Packed, by unit and seed: the natural value, then those of the conditions; None for a record of other models."""
    rows = record["rows"]
    if not any(seeds[0][0] in rows for seeds in units.values()):
        return None
    return packed(rows.get(model, (None,))[0] for seeds in units.values() for seed in seeds for model in seed)


def profiles_of(records: Sequence[Record], zoo: Zoo, gap: Value) -> Iterator[tuple[str, list[Step]]]:
    """The profile of each record that has the models, by the measure's name."""
    wanted = [recipe.id for recipe in profile_recipes(zoo)]
    able = [record for record in records if all(name in record["rows"] for name in wanted)]
    if able:
        found = profiles(zoo, map(_value_of, able), gap)
        yield from zip((record["measure"] for record in able), found, strict=True)


def _value_of(record: Record) -> Value:
    rows = record["rows"]
    return lambda recipe: rows[recipe.id][0]


def drawn(fraction: Fraction | None) -> list[float] | None:
    """The mean and both ends of its interval."""
    if fraction is None:
        return None
    return [float(f"{number:.4g}") for number in (fraction.value, *fraction.interval)]

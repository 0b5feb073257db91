"""All zoos side by side as text: tables in Markdown of what the leaderboard has (summary.py)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.errors import HarnessError
from harness.leaderboard.across.families import ALL
from harness.leaderboard.across.properties import BY_CONDITION, PROPERTIES
from harness.zoo.zoo import GATE

DASH = "–"
FAMILY_LEVEL = 0.01
"""At or below this p-value a family is named beside a property."""

ABOUT_FAMILIES = """\
Units that the family's median measure wins (in brackets: loses), of each data set's; the mean share won follows where
it is another, by five percent or more: then measures of the family fall apart."""

ABOUT_PROPERTIES = """\
Kendall's tau between a property of units and the share of all measures that win them, with two-sided p-values of
permutations. Over all units: the property is permuted among units, as if those of one data set were as good as any;
one that is of the data set is permuted among data sets. Within data sets: only units of one data set are compared.
Families: those whose own p-value is {level} or less, within data sets (w) or over all units."""


def across_text(content: Mapping[str, Any]) -> str:
    """The two tables, and what they are of."""
    units = content["units"]
    sets = {name: sum(unit["data_set"] == name for unit in units) for name in _data_sets(units)}
    shared = sum(len(unit["zoos"]) > 1 for unit in units)
    several = sum(len(measure["zoos"]) > 1 for measure in content["measures"].values())
    said = [
        f"{len(content['measures'])} measures ({several} of several zoos) on {len(units)} units of the zoos "
        f"{', '.join(content['zoos'])}: {', '.join(f'{count} on {_words(name)}' for name, count in sets.items())}.",
        *([f"{shared} units are of several zoos: their seeds decide them together, once."] if shared else []),
    ]
    verdicts = list(_of_several_zoos(content))
    return "\n".join(
        [
            *said,
            *(["", "Measures of several zoos, over the union of their units:", "", *verdicts] if verdicts else []),
            *("", ABOUT_FAMILIES, "", *_families(content)),
            *("", ABOUT_PROPERTIES.format(level=FAMILY_LEVEL), "", *_properties(content)),
            *("", _by_chance(content)),
        ]
    )


def measure_text(content: Mapping[str, Any], measure: str) -> str:
    """The units of one measure with their properties, won or lost. HarnessError for one that is not recorded."""
    if measure not in content["measures"]:
        raise HarnessError(f"no record of {measure} is of this protocol; known are {', '.join(content['measures'])}")
    found = content["measures"][measure]
    titles = ["unit", "inputs", "n / inputs", "natural error", "parameters", "built of"]
    titles += [f"{_words(name)}, steps ratio" for name in GATE]
    lines = [f"{measure} ({found['family']}), zoos {', '.join(found['zoos'])}"]
    lines += [
        f"  {_words(name)}: {_verdict(found['conditions'][name])}" for name in GATE if name in found["conditions"]
    ]
    rows = [_unit_row(unit, place, found["conditions"]) for place, unit in enumerate(content["units"])]
    return "\n".join([*lines, "", *_markdown(titles, [row for row in rows if row])])


def _of_several_zoos(content: Mapping[str, Any]) -> Iterator[str]:
    """A line a measure: its sign tests over the union of units, and whether it passes."""
    rows = []
    for name, found in content["measures"].items():
        if len(found["zoos"]) > 1:
            verdicts = [found["conditions"].get(condition) for condition in GATE]
            rows.append([f"`{name}`", *(_verdict(each) if each else DASH for each in verdicts)])
    yield from _markdown(["measure", *map(_words, GATE)], rows) if rows else ()


def _verdict(verdict: Mapping[str, Any]) -> str:
    passes = "passes, " if verdict["passes"] else ""
    inverted = "inverted, " if verdict["inverted"] else ""
    lost, neither = len(verdict["lost"]), len(verdict["neither"])
    counts = f"{verdict['won']} of {verdict['units']} won, {lost} lost, {neither} neither"
    without = f"none of {', '.join(verdict['none_of'])}, " if verdict["none_of"] else ""
    return f"{passes}{inverted}{counts}, {without}p = {verdict['p_value']:.2g}"


def _families(content: Mapping[str, Any]) -> Iterator[str]:
    data_sets = _data_sets(content["units"])
    titles = ["family", "measures", *(f"{_words(name)}: {_words(one)}" for name in data_sets for one in GATE)]
    rows = [
        [name, str(len(family["measures"]))]
        + [_won(family["data_sets"][data_set].get(condition)) for data_set in data_sets for condition in GATE]
        for name, family in _ordered(content["families"]).items()
    ]
    return _markdown(titles, rows)


def _ordered(families: Mapping[str, Any]) -> dict[str, Any]:
    """ALL, then families by the mean of their shares over all conditions, the largest first."""
    return dict(sorted(families.items(), key=lambda each: (each[0] != ALL, -mean_share(each[1]), each[0])))


def mean_share(family: Mapping[str, Any]) -> float:
    """Of all units under all conditions."""
    known = [share for shares in family["shares"].values() for share in shares if share is not None]
    return sum(known) / len(known) if known else 0.0


def _won(won: Mapping[str, Any] | None) -> str:
    if won is None:
        return DASH
    lost = f" ({won['median_lost']:.0%})" if won["median_lost"] else ""
    mean = f", mean {won['mean_won']:.0%}" if abs(won["mean_won"] - won["median_won"]) >= 0.05 else ""
    return f"{won['median_won']:.0%}{lost}{mean}"


def _properties(content: Mapping[str, Any]) -> Iterator[str]:
    titles = ["property", "condition", "units", "tau", "p", "tau within", "p within", "families"]
    rows = []
    for name in PROPERTIES:
        for condition in GATE:
            found = content["associations"][name][condition]
            first = found[ALL]
            numbers = [_tau(first["tau"]), _p(first["p_value"]), _tau(first["tau_within"]), _p(first["p_within"])]
            rows.append([_words(name), _words(condition), str(first["units"]), *numbers, _striking(found)])
    return _markdown(titles, rows)


def _striking(found: Mapping[str, Any]) -> str:
    parts = []
    for family, each in found.items():
        within = each["p_within"] is not None and each["p_within"] <= FAMILY_LEVEL
        over_all = each["p_value"] is not None and each["p_value"] <= FAMILY_LEVEL
        if family != ALL and (within or over_all):
            parts.append(f"{family} {_tau(each['tau_within'] if within else each['tau'])}{' (w)' if within else ''}")
    return ", ".join(parts)


def _by_chance(content: Mapping[str, Any]) -> str:
    """How many tests of single families there are, and how many say something."""
    kinds = {"over all units": "p_value", "within data sets": "p_within"}
    said = []
    for words, name in kinds.items():
        values = [
            each[name]
            for by_condition in content["associations"].values()
            for by_family in by_condition.values()
            for family, each in by_family.items()
            if family != ALL and each[name] is not None
        ]
        few = sum(value <= FAMILY_LEVEL for value in values)
        said.append(f"{few} of {len(values)} {words}, where chance gives {FAMILY_LEVEL * len(values):.0f}")
    return f"Families' p-values of {FAMILY_LEVEL} or less: {'; '.join(said)}."


def _unit_row(unit: Mapping[str, Any], place: int, conditions: Mapping[str, Any]) -> list[str]:
    """Empty for a unit on which the measure is not recorded."""
    told = []
    for name in GATE:
        verdict, ratio = conditions.get(name), unit[BY_CONDITION].get(name)
        if verdict is None:
            told.append(DASH)
            continue
        which = [word for word in ("lost", "neither") if place in verdict[word]]
        told.append(f"{which[0] if which else 'won'}, {_number(ratio)}")
    numbers = [unit[name] for name in ("input_dimension", "examples_per_dimension", "natural_test_error", "parameters")]
    built = [name for name in ("convolutional", "residual", "attention", "normalizes") if unit[name]]
    kind = DASH if unit["convolutional"] is None else ", ".join(built) or "linear layers alone"
    return [f"{unit['network']} on {_words(unit['data_set'])}", *map(_number, numbers), kind, *told]


def _data_sets(units: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(unit["data_set"] for unit in units))


def _markdown(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield "| --- " * len(titles) + "|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _tau(value: float | None) -> str:
    return DASH if value is None else f"{value:z.2f}"


def _p(value: float | None) -> str:
    return DASH if value is None else f"{value:.2g}"


def _number(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _words(name: str) -> str:
    return name.replace("_", " ")

"""The table's columns: each asks a question, in a unit. Those of a group that are folded open on a click."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.leaderboard.groups import GROUPS, SUITES
from harness.leaderboard.page import cells
from harness.leaderboard.page.cells import Cell, Record, Standing
from harness.records.tables import COLUMNS

FIRST = "z0"
"""The zoo of which more columns are shown before a group is opened."""

CONDITIONS = {"random_labels": "random labels", "random_pixels": "random pixels", "gaussian": "Gaussian noise"}

GROUP_QUESTIONS = {
    "dose": "Does it grow with wrong labels?",
    "nuisances": "Silent where the gap is?",
    "time": "More than a clock?",
    "scarcity": "Does it grow when data are few?",
    "grid": "Does it rank networks?",
}

FINDING_QUESTIONS = {
    "same data": ("Larger beside wrong images?", "units won of {units}"),
    "attack": ("Does it grow with their number?", "tau"),
    "corrupted": ("Does it grow with wrong labels?", "tau"),
    "decay": ("Silent to weight decay?", "% of the way"),
    "dropout": ("Silent to dropout?", "% of the way"),
    "crop": ("Silent to random crops?", "% of the way"),
    "shuffled": ("Silent to shuffled pixels?", "% of the way"),
    "early stop": ("Silent before noise is fitted?", "% of the way"),
    "equal steps": ("Larger after equal steps?", "units won of {units}"),
    "equal error": ("Larger at equal train error?", "units won of {units}"),
    "fewer images": ("Does it grow when data are few?", "tau"),
    "grid": ("Does it rank networks?", "granulated tau"),
}


@dataclasses.dataclass(frozen=True)
class Column:
    """One column of a zoo.

    - `group`: under which it stands; `folded`: shown when its group is opened.
    - `title`: in a word or two; `question` and `unit`: its head.
    - `read`: the cell, from a measure's standing and its record. `fewer`: fewer is better.
    - `key`: names it in the page, as short as can be.
    """

    group: str
    folded: bool
    title: str
    question: str
    unit: str
    read: Callable[[Standing, Record | None], Cell]
    fewer: bool = False
    key: str = ""


def columns_of(prefix: str, part: Mapping[str, Any], data_sets: Mapping[str, int]) -> list[Column]:
    """Of a zoo of this protocol, those of which anything was asked. `data_sets`: how many units each has."""
    standings = [each for each in part["entries"] if each["headline"] is not None]
    found = _gate(part["units"], data_sets)
    if any(each["reads"] is not None for each in standings):
        folded = prefix != FIRST
        found.append(Column("the gate", folded, "reads", "What does it need?", "what suffices", cells.reads_cell))
    asked = [title for title in COLUMNS if any(_asked(standing, title) for standing in standings)]
    for group in GROUPS:
        inside = [title for title in asked if SUITES[COLUMNS[title][0]] == group]
        found += _findings(group, inside, part["units"]) if inside else []
    if asked:
        better = "How many are better?"
        found.append(Column("order", False, "dominated by", better, "measures", cells.order_cell, fewer=True))
    return [dataclasses.replace(column, key=f"{prefix}-{number}") for number, column in enumerate(found)]


def _gate(units: int, data_sets: Mapping[str, int]) -> list[Column]:
    worst = "Does it tell noise, at worst?"
    found = [Column("the gate", False, "worst", worst, f"units won of {units}", cells.worst_cell)]
    for data_set, on in data_sets.items() if len(data_sets) > 1 else ():
        read = functools.partial(cells.data_set_cell, data_set)
        found.append(Column("the gate", False, f"on {data_set}", f"And on {data_set}?", f"units of {on}", read))
    for condition, name in CONDITIONS.items():
        read = functools.partial(cells.gate_cell, condition)
        found.append(Column("the gate", True, name, f"Does it tell {name}?", f"units won of {units}", read))
    return found


def _findings(group: str, titles: Sequence[str], units: int) -> list[Column]:
    """Of a group, and of its findings one by one."""
    read = functools.partial(cells.group_cell, group)
    found = [Column(group, False, f"{group}, all", GROUP_QUESTIONS[group], f"passed of {len(titles)}", read)]
    for title in titles:
        question, unit = FINDING_QUESTIONS[title]
        read = functools.partial(cells.finding_cell, title)
        found.append(Column(group, True, title, question, unit.format(units=units), read))
    return found


def _asked(standing: Standing, title: str) -> bool:
    suite, clause, _, _ = COLUMNS[title]
    return standing["role"] != "oracle" and clause in standing["findings"].get(suite, {})

"""What stands in the cells of the page's table: a text, whether it is passed, the words behind it, how it sorts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.judging.units.headline import told
from harness.leaderboard.gate import WITHOUT_COUNTS, verdicts_of
from harness.leaderboard.groups import GROUPS
from harness.records.tables import COLUMNS, WORDS

NAMED = 8  # measures, of those that dominate one
READS_IN_SHORT = {
    "needs_the_network": "network",
    "needs_network_and_history": "network, history",
    "history_suffices": "history",
    "retraining_suffices": "retraining",
    "data_suffices": "data",
    "does_not_separate": "does not tell",
}
"""What suffices to tell twins apart, the network first: that is what a measure is to read."""
READS_IN_ORDER = tuple(READS_IN_SHORT)

Standing = Mapping[str, Any]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """`passed` is None where nothing is to be passed; `sort`: larger is better, None is last whichever way."""

    text: str
    passed: bool | None = None
    tip: str = ""
    sort: float | None = None


NOT_ASKED = Cell("–", tip="not asked")


def worst_cell(standing: Standing, record: Record | None = None) -> Cell:
    """Units won under the worst condition."""
    headline = standing["headline"]
    where = words(headline["condition"])
    if headline["verdict"] in WITHOUT_COUNTS:
        return Cell("n/a", False, f"{where}: {words(headline['verdict'])}", -1)
    low, high = headline["interval"]
    won, units = headline["won"], headline["units"]
    tip = f"{where}: {won} of {units} units; with one left out {_between(low, high)} of {units - 1}; without one unit "
    tip += f"it passes in {headline['passes_without']} of {units} cases"
    return Cell(str(won), standing["verdict"] == "separates", tip, won)


def gate_cell(condition: str, standing: Standing, record: Record | None) -> Cell:
    """Units won under one condition."""
    suite = standing["gate"].get(condition)
    if suite is None:
        return NOT_ASKED
    word = words(suite["verdict"])
    if suite["verdict"] in WITHOUT_COUNTS:
        return Cell("n/a", False, word, -1)
    tip = f"{word}: larger on the randomized twin in {suite['won']} of {suite['units']} units"
    if record is not None:
        (verdict,) = (each for each in verdicts_of(record["suites"]) if each.condition == condition)
        tip = f"{word}: {told(verdict)}"
    tip += f"; p = {suite['p_value']:.2g}"
    if suite["auc"] is not None and suite["auc_interval"] is not None:
        tip += f"; AUC {suite['auc']:.2f} [{suite['auc_interval'][0]:.2f}, {suite['auc_interval'][1]:.2f}]"
    if suite["kendall_tau"] is not None:
        tip += f"; tau with the gap {suite['kendall_tau']:.2f}"
    return Cell(str(suite["won"]), suite["verdict"] == "separates", tip, suite["won"])


def data_set_cell(data_set: str, standing: Standing, record: Record | None) -> Cell:
    """Units of one data set that are won, under the condition that is worst on it. No verdict: it has too few units."""
    if record is None or not record["suites"]:
        return NOT_ASKED
    won = {condition: _won_on(data_set, suite) for condition, suite in record["suites"].items()}
    units = _units_on(data_set, next(iter(record["suites"].values())))
    low = min(won, key=lambda condition: won[condition])
    tip = f"{words(low)}: {won[low]} of the {units} units on {data_set}"
    return Cell(str(won[low]), None, tip, won[low])


def _won_on(data_set: str, suite: Mapping[str, Any]) -> int:
    return sum(unit["setting"] == data_set and unit["decision"] == "won" for unit in suite["units"])


def _units_on(data_set: str, suite: Mapping[str, Any]) -> int:
    return sum(unit["setting"] == data_set for unit in suite["units"])


def reads_cell(standing: Standing, record: Record | None = None) -> Cell:
    """What suffices for it to tell twins apart."""
    reads = standing["reads"]
    if reads is None:
        return NOT_ASKED
    told = [finding["detail"] for finding in _of_group(standing, "reads").values() if finding["detail"]]
    place = READS_IN_ORDER.index(reads) if reads in READS_IN_ORDER else len(READS_IN_ORDER)
    return Cell(reads_in_words(reads), None, "; ".join([words(reads), *told]), -place)


def reads_in_words(reads: str | None) -> str:
    """As the table says it in a word or two, or as the record does; `unknown` where it was not asked."""
    return "unknown" if reads is None else READS_IN_SHORT.get(reads, words(reads))


def group_cell(group: str, standing: Standing, record: Record | None = None) -> Cell:
    """Findings of a group that are passed, of those asked."""
    found = (standing["groups"] or {}).get(group)
    if found is None:
        return NOT_ASKED
    tip = f"{found['passed']} of {found['asked']} passed"
    if found["interval"] is not None:
        tip += f"; with one unit left out {_between(*found['interval'])}"
    share = found["passed"] / found["asked"]
    return Cell(f"{found['passed']}/{found['asked']}", share == 1, tip, share)


def _of_group(standing: Standing, group: str) -> dict[str, Mapping[str, Any]]:
    return {
        clause: finding for suite in GROUPS[group] for clause, finding in standing["findings"].get(suite, {}).items()
    }


def finding_cell(title: str, standing: Standing, record: Record | None) -> Cell:
    """One finding. What is passed sorts before what is not, then by its number, or how near to 0 a part of the way
    is."""
    suite, clause, number, shape = COLUMNS[title]
    finding = standing["findings"].get(suite, {}).get(clause)
    if finding is None or finding["passed"] is None:
        return NOT_ASKED
    word = words(finding["status"])
    tip = f"{word}: {finding['detail']}" if finding["detail"] else word
    numbers = record["findings"][suite][clause]["numbers"] if record is not None else {}
    shown = number in numbers and finding["status"] not in WORDS
    text = format(numbers[number], shape) if shown else word
    good = (-abs(numbers[number]) if shape.endswith("%") else numbers[number]) if shown else -1e6
    return Cell(text, finding["passed"], tip, 1e9 * finding["passed"] + good)


def order_cell(standing: Standing, record: Record | None = None) -> Cell:
    """How many dominate it."""
    dominated_by = standing["dominated_by"]
    if dominated_by is None:
        return NOT_ASKED
    if not dominated_by:
        return Cell("0", None, "no other is as good in everything and better in something", 0)
    more = f" and {len(dominated_by) - NAMED} more" if len(dominated_by) > NAMED else ""
    tip = f"by {', '.join(dominated_by[:NAMED])}{more}"
    return Cell(str(len(dominated_by)), None, tip, -len(dominated_by))


def cost_cell(seconds: float | None) -> Cell:
    """Seconds on one model; nothing for one that no run timed."""
    if not seconds:
        return NOT_ASKED
    return Cell(f"{seconds:.2g}" if seconds < 100 else f"{seconds:.0f}", None, f"{seconds:.3g} s a model", -seconds)


def random_labels_found(standings: Mapping[str, Standing]) -> dict[str, str]:
    """What was found of random labels, by zoo, in the words of a claim: of the first in a `word`, of all in `words`."""
    known = {zoo: each["gate"]["random_labels"] for zoo, each in standings.items() if "random_labels" in each["gate"]}
    said = []
    for zoo, suite in known.items():
        counted = "" if suite["won"] is None else f": {suite['won']} of {suite['units']} units"
        said.append(f"on {zoo} {words(suite['verdict'])}{counted}")
    first = next(iter(known.values()), None)
    return {"word": _told(first) if first else "–", "words": "; ".join(said) or "nothing"}


def _told(suite: Mapping[str, Any]) -> str:
    return "separates" if suite["verdict"] == "separates" else "does not separate"


def answer(standings: Iterable[Standing]) -> str:
    """The gate's over the zoos: `passes` all, `fails` one, or `no verdict`."""
    judged = [each for each in standings if each["headline"] is not None and each["complete"]]
    if not judged:
        return "no verdict"
    return "passes" if all(each["verdict"] == "separates" for each in judged) else "fails"


def words(name: str) -> str:
    """Of names in code."""
    return name.replace("_", " ")


def _between(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"

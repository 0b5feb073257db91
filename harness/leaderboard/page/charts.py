"""The figures that are there without JavaScript, as SVG made by formatting: every mark names its measure."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from harness.judging.units.sign_test import needed
from harness.leaderboard.page import swarm
from harness.leaderboard.page.cells import READS_IN_ORDER, Standing, reads_in_words, words
from harness.leaderboard.page.columns import CONDITIONS, Column

DOT = 6.4  # from one dot to the next
WIDTH, FOOT, HEAD = 360, 34, 30
COST_WIDTH, BAND, COST_LEFT = 1000, 22, 28
TIMES = ("1 µs", "10 µs", "0.1 ms", "1 ms", "10 ms", "0.1 s", "1 s", "10 s", "100 s")  # powers of ten, from 10⁻⁶ s on
COST_TOP = 14
COLUMN, ROW, NAMES = 5, 14, 116


def kind(standing: Standing) -> str:
    """The class of a mark: what the measure reads, or that it is not one."""
    if standing["role"] != "measure":
        return "k-" + standing["role"]
    reads = standing["reads"]
    return f"k{READS_IN_ORDER.index(reads)}" if reads in READS_IN_ORDER else "kx"


def legend(standings: Iterable[Standing]) -> list[tuple[str, str, int]]:
    """Each kind of mark: its class, what it means, how many there are."""
    counted: dict[str, list[Any]] = {}
    for standing in standings:
        meaning = reads_in_words(standing["reads"]) if standing["role"] == "measure" else standing["role"]
        counted.setdefault(kind(standing), [meaning, 0])[1] += 1
    return [(name, meaning, count) for name, (meaning, count) in sorted(counted.items(), key=_in_order)]


def _in_order(item: tuple[str, Any]) -> tuple[int, str]:
    return ("k-" in item[0]) + (item[0] == "kx"), item[0]


def counts_charts(standings: Sequence[Standing], conditions: Sequence[str], units: int) -> list[Markup]:
    """For each condition, all of one height, a dot a measure over the units that it wins."""
    wide = max(1, int((WIDTH / (units + 1) - 3) / DOT))
    judged = {condition: _judged(standings, condition) for condition in conditions}
    counts = [[_won(each, condition) for each in found] for condition, found in judged.items()]
    tallest = max((-(-won.count(count) // wide) for won in counts for count in won), default=1)
    return [_counts_chart(found, condition, units, wide, tallest) for condition, found in judged.items()]


def _judged(standings: Sequence[Standing], condition: str) -> list[Standing]:
    found = [each for each in standings if each["gate"].get(condition, {}).get("won") is not None]
    return sorted(found, key=lambda each: (_in_order((kind(each), None)), each["measure"]))


def _won(standing: Standing, condition: str) -> int:
    return int(standing["gate"][condition]["won"])


def _counts_chart(judged: Sequence[Standing], condition: str, units: int, wide: int, tallest: int) -> Markup:
    bin_width = WIDTH / (units + 1)
    won = [_won(each, condition) for each in judged]
    height = HEAD + tallest * DOT + FOOT
    ground = height - FOOT
    marks = [
        _mark(each, (count + 0.5) * bin_width + x, ground - DOT / 2 - 1 + y, f"{count}")
        for each, count, (x, y) in zip(judged, won, swarm.stacks(won, wide, DOT), strict=True)
    ]
    least = needed(units)
    line = "" if least is None else _threshold(least, bin_width, height)
    ticks = "".join(
        f'<text class="t" x="{(n + 0.5) * bin_width:.1f}" y="{ground + 12}">{n}</text>' for n in _every(units)
    )
    name = CONDITIONS[condition]
    return Markup(
        f'<svg class="counts" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="Units won under {name}, a dot a measure"><text class="h" x="2" y="12">{name}</text>'
        f'<path class="axis" d="M0 {ground:.1f}H{WIDTH}"/>{ticks}{line}{"".join(marks)}'
        f'<text class="t" x="{WIDTH / 2}" y="{ground + 26}">units won of {units}</text></svg>'
    )


def _every(units: int) -> range:
    return range(0, units + 1, 1 if units <= 20 else 5)


def _threshold(least: int, bin_width: float, height: float) -> str:
    x = least * bin_width
    return (
        f'<path class="limit" d="M{x:.1f} {HEAD - 10}V{height - FOOT:.1f}"/>'
        f'<text class="t end" x="{x - 4:.1f}" y="{HEAD - 4}">{least} needed</text>'
    )


def _mark(standing: Standing, x: float, y: float, said: str) -> str:
    name = standing["measure"]
    shape = f'<circle cx="{x:.1f}" cy="{y:.1f}"/>'
    if standing["role"] != "measure":
        shape = f'<path d="M{x:.1f} {y - 3.2:.1f}l3.2 3.2-3.2 3.2-3.2-3.2z"/>'
    return (
        f'<a class="{kind(standing)}" tabindex="-1" href="#measure={quote(name)}">{shape}'
        f"<title>{escape(name)}: {escape(said)}</title></a>"
    )


def cost_chart(standings: Sequence[Standing], units: int) -> Markup:
    """Seconds a model against the units won under the worst condition."""
    timed = [each for each in standings if each["seconds_per_model"] and each["headline"]["won"] is not None]
    logs = [math.log10(each["seconds_per_model"]) for each in timed] or [0.0]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    high += low == high
    height = COST_TOP + (units + 1) * BAND + FOOT

    def place(log: float) -> float:
        return COST_LEFT + 8 + (log - low) / (high - low) * (COST_WIDTH - COST_LEFT - 16)

    lines = "".join(
        f'<path class="grid" d="M{COST_LEFT} {_base(units, n)}H{COST_WIDTH}"/>'
        f'<text class="t end" x="{COST_LEFT - 6}" y="{_base(units, n) - 3}">{n}</text>'
        for n in _every(units)
    )
    below = height - FOOT + 14
    times = "".join(
        f'<text class="t{" end" if power == high else ""}" x="{place(power):.1f}" y="{below}">{name}</text>'
        for power, name in enumerate(TIMES, -6)
        if low <= power <= high
    )
    marks = "".join(_cost_marks(timed, units, place))
    return Markup(
        f'<svg class="cost" viewBox="0 0 {COST_WIDTH} {height}" width="{COST_WIDTH}" height="{height}" role="img" '
        f'aria-label="Seconds a model, and units won at worst, a dot a measure">{lines}{times}'
        f'<text class="t" x="{COST_WIDTH / 2}" y="{height - 4}">time on one model</text>'
        f'<text class="t start" x="0" y="10">units won at worst</text>{marks}</svg>'
    )


def _base(units: int, won: int) -> int:
    """Where the line of so many units won is."""
    return COST_TOP + (units - won + 1) * BAND


def _cost_marks(timed: Sequence[Standing], units: int, place: Callable[[float], float]) -> Iterator[str]:
    for won in range(units + 1):
        some = [each for each in timed if each["headline"]["won"] == won]
        some.sort(key=lambda each: (each["seconds_per_model"], each["measure"]))
        xs = [place(math.log10(each["seconds_per_model"])) for each in some]
        for each, x, level in zip(some, xs, swarm.levels(xs, DOT, 3), strict=True):
            said = f"{each['seconds_per_model']:.2g} s a model, {won} of {units} units"
            yield _mark(each, x, _base(units, won) - 4 - level * DOT, said)


def map_chart(standings: Sequence[Standing], records: Mapping[str, Any], columns: Sequence[Column]) -> Markup:
    """A column a measure, a row a question: filled where it is passed, hollow where not, nothing where not asked."""
    rows = [column for column in columns if column.folded]
    width, height = NAMES + len(standings) * COLUMN + 2, len(rows) * ROW + 4
    drawn = []
    for number, column in enumerate(rows):
        y = number * ROW + 3
        passed: dict[bool, list[str]] = {True: [], False: []}
        for place, standing in enumerate(standings):
            cell = column.read(standing, records.get(standing["measure"]))
            if cell.passed is not None:
                passed[cell.passed].append(f"M{NAMES + place * COLUMN} {y + 0.5}h4v9h-4z")
        drawn.append(
            f'<text class="t end" x="{NAMES - 6}" y="{y + 9}">{escape(words(column.title))}</text>'
            f'<path class="yes" d="{"".join(passed[True])}"/><path class="no" d="{"".join(passed[False])}"/>'
        )
    return Markup(
        f'<svg class="map" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="Questions by measures: filled is passed">{"".join(drawn)}</svg>'
    )

"""Rows in, a verdict out: can the measure tell randomized twins from natural ones?"""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

from harness.errors import HarnessError
from harness.recipe import Recipe
from harness.rows import Row
from harness.statistics import (
    Pairs,
    auc,
    count,
    effect_size,
    mean_kendall_tau,
    sign_test,
    stratified_auc,
)
from harness.zoo import Twin

Status = Literal["separates", "overlaps", "inverted", "not_applicable", "error", "timeout"]

SIGNIFICANCE = 0.001
MIN_TWINS = 10  # one in 1,024 if all agree: with fewer, no measure can reach the significance


@dataclasses.dataclass(frozen=True)
class NetworkCount:
    """One network's share of a verdict."""

    wins: int
    ties: int
    pairs: int
    auc: float | None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The answer for one measure under one condition of the gate, with its numbers. Only `separates` passes.

    `wins`: twins of which the randomized one has the larger value; `ties` and `losses` likewise; `pairs`: all
    twins, those without two values included. `p_value`: exact one-sided sign test of the wins among the pairs. The
    rest is reported and decides nothing: `auc` within networks and its 95% interval, mean within-network
    Kendall tau with the gap, effect size (Cohen's d for pairs). `seconds`: median time of a value.
    """

    measure: str
    condition: str
    status: Status
    wins: int
    ties: int
    losses: int
    pairs: int
    p_value: float
    auc: float | None
    auc_interval: tuple[float, float] | None
    kendall_tau: float | None
    effect_size: float | None
    by_network: dict[str, NetworkCount]
    reason: str
    seconds: float
    traceback: str = ""

    @property
    def passes(self) -> bool:
        return self.status == "separates"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(fields: dict[str, Any]) -> "Verdict":
        counts = {name: NetworkCount(**count) for name, count in fields["by_network"].items()}
        interval = fields["auc_interval"]
        return Verdict(**fields | {"by_network": counts, "auc_interval": tuple(interval) if interval else None})

    def explain(self) -> str:
        """The verdict as a sentence, with its numbers."""
        natural, what = "natural", self.condition.replace("_", " ")
        test = f"sign test p = {self.p_value:.2g}, need p < {SIGNIFICANCE}"
        if self.status == "inverted":
            test = f"sign test of that p = {sign_test(self.losses, self.pairs):.2g}"
        if self.status in ("error", "timeout"):
            return f"{self.measure} has no verdict on {what}: {self.status}: {self.reason}"
        if self.status == "not_applicable":
            return f"{self.measure} is not applicable to any twin under {what}: {self.reason}"
        sentence = {
            "separates": f"tells {what} from {natural} data",
            "overlaps": f"cannot tell {what} from {natural} data",
            "inverted": f"tells {what} from {natural} data against its claim",
        }[self.status]
        if self.ties == self.pairs:
            numbers = f"it ties on every one of {self.pairs} twins"
        else:
            numbers = f"larger on the randomized twin in {self.wins} of {self.pairs}"
            numbers += f", smaller in {self.losses}" if self.status == "inverted" else ""
            numbers += f", {self.ties} ties" if self.ties else ""
        if missing := self.pairs - self.wins - self.ties - self.losses:
            numbers += f", {missing} without a value ({self.reason})"
        return f"{self.measure} {sentence}: {numbers} ({test})"


def check_power(twins: int) -> None:
    """HarnessError if no measure could ever pass with this many twins."""
    if twins < MIN_TWINS:
        raise HarnessError(
            f"this zoo has {twins} twins; no measure can reach p < {SIGNIFICANCE} with fewer than {MIN_TWINS}"
        )


def judge(
    measure: str,
    condition: str,
    twins: Sequence[Twin],
    row: Callable[[Recipe], Row],
    gap: Callable[[Recipe], float],
) -> Verdict:
    """The verdict on `measure` from its rows on the twins; `gap` is each model's measured gap.

    An error or a timeout on any model leaves no verdict. A twin on which the measure is not applicable, or ties,
    counts against it. Significance the wrong way round is `inverted`.
    """
    check_power(len(twins))
    rows = [row(recipe) for twin in twins for recipe in (twin.natural, twin.randomized)]
    by_network: dict[str, list[Twin]] = collections.defaultdict(list)
    for twin in twins:
        by_network[twin.natural.network].append(twin)

    def pairs_of(some: Sequence[Twin]) -> Pairs:
        return [(row(twin.natural).value, row(twin.randomized).value) for twin in some]

    pairs = pairs_of(twins)
    strata = [pairs_of(some) for some in by_network.values()]
    gaps = [
        [(row(r).value, gap(r)) for twin in some for r in (twin.natural, twin.randomized)]
        for some in by_network.values()
    ]
    wins, ties, losses = count(pairs)
    p_value = sign_test(wins, len(pairs))
    status, reason = _status(rows, p_value, sign_test(losses, len(pairs)))
    area, interval = stratified_auc(strata)
    return Verdict(
        measure=measure,
        condition=condition,
        status=status,
        wins=wins,
        ties=ties,
        losses=losses,
        pairs=len(pairs),
        p_value=p_value,
        auc=area,
        auc_interval=interval,
        kendall_tau=mean_kendall_tau(gaps),
        effect_size=effect_size(pairs),
        by_network={
            name: NetworkCount(*count(some)[:2], len(some), auc(some))
            for name, some in zip(by_network, strata, strict=True)
        },
        reason=reason,
        seconds=sorted(each.seconds for each in rows)[len(rows) // 2],
        traceback=next((each.traceback for each in rows if each.traceback), ""),
    )


def _status(rows: Sequence[Row], p_value: float, p_against: float) -> tuple[Status, str]:
    failures = [each for each in rows if each.status in ("error", "timeout")]
    # What happened comes before what was then not tried.
    failures.sort(key=lambda each: each.reason.startswith("not evaluated"))
    if failures:
        status: Status = "error" if failures[0].status == "error" else "timeout"
        return status, f"{failures[0].reason} (no value on {len(failures)} of {len(rows)} models)"
    reasons = [each.reason for each in rows if each.status == "not_applicable"]
    reason = reasons[0] if reasons else ""
    if len(reasons) == len(rows):
        return "not_applicable", reason
    if p_value < SIGNIFICANCE:
        return "separates", reason
    return ("inverted" if p_against < SIGNIFICANCE else "overlaps"), reason

"""Rows in, a verdict out: can the measure tell randomized twins from natural ones?"""

import collections
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from harness.errors import HarnessError
from harness.evaluation.rows import Row
from harness.judging.twin_statistics import (
    MIN_TWINS,
    Pairs,
    auc,
    count,
    effect_size,
    mean_kendall_tau,
    sign_test,
    stratified_auc,
)
from harness.training.recipe import Condition, Recipe
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.zoo import GATE, Twin

Status = Literal["separates", "overlaps", "inverted", "not_applicable", "error", "timeout"]

SIGNIFICANCE = 0.001


@dataclasses.dataclass(frozen=True)
class NetworkCount:
    """One network's share of a verdict."""

    wins: int
    ties: int
    pairs: int
    auc: float | None


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The gate's verdict on one measure under one condition, with its numbers. Only `separates` passes.

    - `status`: `separates`; `overlaps`, not significant; `inverted`, significant the wrong way round;
      `not_applicable` to any model; `error` or `timeout` on a model. `reason` says why there is no value.
    - `wins`: twins of which the randomized one has the larger value; `ties` and `losses` likewise; `pairs`: all twins,
      those without two values included. `p_value`: exact one-sided sign test of the wins among the pairs.
    - `auc`: area under the ROC curve within networks, in [0, 1], and its 95% interval; `kendall_tau`: the mean over
      networks of Kendall's tau with the generalization gap; `effect_size`: Cohen's d for pairs, in standard
      deviations. They decide nothing, and are None where undefined. `by_network`: each network's share.
    - `seconds`: the median time of a value. `traceback`: of a measure that raised.

    >>> from harness import judge
    >>> verdict = judge("parameter_count").verdicts["random_labels"]
    >>> verdict.status, verdict.passes, verdict.ties == verdict.pairs, verdict.auc
    ('overlaps', False, True, 0.5)
    >>> print(verdict.explain())
    parameter_count cannot tell random labels from natural data: it ties on every one of ... twins (sign test p = 1, ...
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

    @property
    def crashed(self) -> bool:
        """Whether there is no verdict, for want of a value on some model."""
        return self.status in ("error", "timeout")

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
        if self.crashed:
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


def premise_of(twins: OwnTwins, condition: Condition) -> list[str]:
    """What is not as the gate supposes of twins that were trained elsewhere, a sentence each."""
    pairs = twins.counts[condition]
    few = f"{twins.name} has {pairs} pairs of {condition}; no measure can reach p < {SIGNIFICANCE} with fewer than"
    return [*([f"{few} {MIN_TWINS}"] if pairs < MIN_TWINS else []), *twins.problems.get(condition, ())]


def judge(
    measure: str,
    condition: str,
    twins: Sequence[Twin],
    row: Callable[[Recipe], Row],
    gap: Callable[[Recipe], float | None],
) -> Verdict:
    """The verdict on `measure` from its rows on the twins; `gap` is each model's measured gap, None if it is not known.

    An error or a timeout on any model leaves no verdict. A twin on which the measure is not applicable, or ties,
    counts against it. Significance the wrong way round is `inverted`.
    """
    check_power(len(twins))
    rows = [row(recipe) for twin in twins for recipe in (twin.natural, twin.randomized)]
    networks = _by_network(twins)
    pairs, strata = _pairs(twins, row), {name: _pairs(some, row) for name, some in networks.items()}
    wins, ties, losses = count(pairs)
    p_value = sign_test(wins, len(pairs))
    status, reason = _status(rows, p_value, sign_test(losses, len(pairs)))
    area, interval = stratified_auc([*strata.values()])
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
        kendall_tau=mean_kendall_tau([_values_and_gaps(some, row, gap) for some in networks.values()]),
        effect_size=effect_size(pairs),
        by_network={name: NetworkCount(*count(some)[:2], len(some), auc(some)) for name, some in strata.items()},
        reason=reason,
        seconds=sorted(found.seconds for found in rows)[len(rows) // 2],
        traceback=next((found.traceback for found in rows if found.traceback), ""),
    )


def gate_verdict(statuses: Mapping[str, str], gate: Sequence[str] = GATE) -> str | None:
    """The verdict on the whole gate, a zoo's conditions, from that under each: "separates" if it does under all, else
    the first that is not; None if a condition is missing, or if there is none."""
    if not gate or any(condition not in statuses for condition in gate):
        return None
    return next((statuses[condition] for condition in gate if statuses[condition] != "separates"), "separates")


def _by_network(twins: Sequence[Twin]) -> dict[str, list[Twin]]:
    found: dict[str, list[Twin]] = collections.defaultdict(list)
    for twin in twins:
        found[twin.natural.network].append(twin)
    return found


def _pairs(twins: Sequence[Twin], row: Callable[[Recipe], Row]) -> Pairs:
    return [(row(twin.natural).value, row(twin.randomized).value) for twin in twins]


def _values_and_gaps(
    twins: Sequence[Twin], row: Callable[[Recipe], Row], gap: Callable[[Recipe], float | None]
) -> list[tuple[float | None, float | None]]:
    return [(row(recipe).value, gap(recipe)) for twin in twins for recipe in (twin.natural, twin.randomized)]


def _status(rows: Sequence[Row], p_value: float, p_against: float) -> tuple[Status, str]:
    failures = [row for row in rows if row.status in ("error", "timeout")]
    # What happened comes before what was then not tried.
    failures.sort(key=lambda row: row.reason.startswith("not evaluated"))
    if failures:
        status: Status = "error" if failures[0].status == "error" else "timeout"
        return status, f"{failures[0].reason} (no value on {len(failures)} of {len(rows)} models)"
    reasons = [row.reason for row in rows if row.status == "not_applicable"]
    reason = reasons[0] if reasons else ""
    if len(reasons) == len(rows):
        return "not_applicable", reason
    if p_value < SIGNIFICANCE:
        return "separates", reason
    return ("inverted" if p_against < SIGNIFICANCE else "overlaps"), reason

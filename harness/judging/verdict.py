"""Rows in, a verdict out: can the measure tell randomized twins from natural ones, in enough units?"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.evaluation.rows import Row
from harness.judging.twin_statistics import effect_size, mean_kendall_tau, stratified_auc
from harness.judging.units.condition import ConditionVerdict, Failure, judge_condition
from harness.judging.units.decision import Unit, UnitDecision, decide
from harness.judging.units.headline import told
from harness.judging.units.sign_test import SIGNIFICANCE
from harness.judging.units.witnesses import Witnesses
from harness.training.recipe import Recipe
from harness.zoo.twin import GATE, Twin

NO_VALUE = ("error", "timeout", "not_applicable")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict(ConditionVerdict):
    """The gate's verdict on one measure under one condition, with its numbers. Only `separates` passes.

    - `status`: `separates`; `inverted`, significant the wrong way round; `depends_on_the_network`, neither, and units
      differ by more than chance, or no unit of some network is won; `overlaps`, none of these; `not_applicable` to any
      model; `error` or `timeout` on a model. `reason` says why there is no value.
    - `units`: what the seeds of each unit (a data set with one network) say. A unit is won where most of its seeds have
      the larger value on the randomized twin, by more than a tie.
    - `p_value`: exact one-sided sign test of the units won; `p_inverted`, of those lost; `p_heterogeneity`: that units
      differ by chance alone (harness/judging/units).
    - `auc`: area under the ROC curve within units, in [0, 1], and its 95% interval; `kendall_tau`: the mean over units
      of Kendall's tau with the generalization gap; `effect_size`: Cohen's d for pairs, in standard deviations. They
      decide nothing, and are None where undefined.
    - `seconds`: the median time of a value. `traceback`: of a measure that raised. `note`: what the units are, where
      they are not a zoo's.

    >>> from harness import judge
    >>> verdict = judge("parameter_count").verdicts["random_labels"]
    >>> verdict.status, verdict.passes, verdict.ties == verdict.twins, verdict.auc
    ('overlaps', False, True, 0.5)
    >>> print(verdict.explain())
    parameter_count cannot tell random labels from natural data: it ties on every one of ... twins (sign test p = 1, ...
    """

    measure: str
    auc: float | None
    auc_interval: tuple[float, float] | None
    kendall_tau: float | None
    effect_size: float | None
    reason: str
    seconds: float
    traceback: str = ""
    note: str = ""

    @property
    def crashed(self) -> bool:
        """Whether there is no verdict, for want of a value on some model."""
        return self.status in ("error", "timeout")

    @property
    def twins(self) -> int:
        """All twins, those without two values included."""
        return sum(unit.seeds for unit in self.units)

    @property
    def wins(self) -> int:
        """Twins of which the randomized one has the larger value, by more than a tie."""
        return sum(unit.wins for unit in self.units)

    @property
    def ties(self) -> int:
        """Twins that differ by less than the noise of training seeds."""
        return sum(unit.ties for unit in self.units)

    @property
    def losses(self) -> int:
        return sum(unit.losses for unit in self.units)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"units": [unit.to_json() for unit in self.units]}

    @staticmethod
    def from_json(fields: dict[str, Any]) -> "Verdict":
        units = tuple(UnitDecision.from_json(unit) for unit in fields["units"])
        interval = fields["auc_interval"]
        return Verdict(**fields | {"units": units, "auc_interval": tuple(interval) if interval else None})

    def explain(self) -> str:
        """The verdict as a sentence, with its numbers."""
        what = self.condition.replace("_", " ")
        if self.crashed:
            return f"{self.measure} has no verdict on {what}: {self.status}: {self.reason}"
        if self.status == "not_applicable":
            return f"{self.measure} is not applicable to any twin under {what}: {self.reason}"
        sentence = {
            "separates": f"tells {what} from natural data",
            "overlaps": f"cannot tell {what} from natural data",
            "depends_on_the_network": f"tells {what} from natural data on some networks alone",
            "inverted": f"tells {what} from natural data against its claim",
        }[self.status]
        if self.ties == self.twins:
            numbers = f"it ties on every one of {self.twins} twins"
        else:
            numbers = f"larger on the randomized twin in {told(self)}"
        if missing := sum(unit.seeds - unit.known for unit in self.units):
            numbers += f", {missing} twins without a value ({self.reason})"
        note = f"; {self.note}" if self.note else ""
        return f"{self.measure} {sentence}: {numbers} ({self._tests()}{note})"

    def _tests(self) -> str:
        if self.status == "inverted":
            return f"sign test of that p = {self.p_inverted:.2g}"
        test = f"sign test p = {self.p_value:.2g}, need p < {SIGNIFICANCE}"
        if self.lost_networks:
            return f"{test}; no unit of {' or '.join(self.lost_networks)} is won"
        differ = f"units differ, p = {self.p_heterogeneity:.2g}; "
        return differ + test if self.status == "depends_on_the_network" else test


def judge(
    measure: str,
    condition: str,
    witnesses: Witnesses,
    row: Callable[[Recipe], Row],
    gap: Callable[[Recipe], float | None],
    limits: Mapping[Unit, float] | None = None,
) -> Verdict:
    """The verdict on `measure` from its rows on the twins of each unit; `gap` is each model's measured gap, None if it
    is not known. A difference below a unit's limit, where `limits` are given, is a tie, too.

    An error or a timeout on any model leaves no verdict. A twin on which the measure is not applicable, or ties, counts
    against it. Raises HarnessError if the units are too few for any measure to pass.
    """
    rows = [row(recipe) for twins in witnesses.units.values() for twin in twins for recipe in _both(twin)]
    pairs = {
        unit: [(row(twin.natural).value, row(twin.randomized).value) for twin in twins]
        for unit, twins in _of(witnesses)
    }
    failure, reason = _failure(rows)
    least = limits or {}
    decisions = [decide(unit, seeds, least.get(unit, 0.0)) for unit, seeds in pairs.items()]
    found = judge_condition(condition, decisions, failure)
    area, interval = stratified_auc([*pairs.values()])
    with_gaps = [
        [(row(recipe).value, gap(recipe)) for twin in twins for recipe in _both(twin)] for _, twins in _of(witnesses)
    ]
    return Verdict(
        measure=measure,
        condition=condition,
        status=found.status,
        units=found.units,
        p_value=found.p_value,
        p_inverted=found.p_inverted,
        p_heterogeneity=found.p_heterogeneity,
        auc=area,
        auc_interval=interval,
        kendall_tau=mean_kendall_tau(with_gaps),
        effect_size=effect_size([pair for seeds in pairs.values() for pair in seeds]),
        reason=reason,
        seconds=sorted(found.seconds for found in rows)[len(rows) // 2],
        traceback=next((found.traceback for found in rows if found.traceback), ""),
        note=witnesses.note,
    )


def gate_verdict(statuses: Mapping[str, str], gate: Sequence[str] = GATE) -> str | None:
    """The verdict on the whole gate, a zoo's conditions, from that under each: "separates" if it does under all, else
    the first that is not; None if a condition is missing, or if there is none."""
    if not gate or any(condition not in statuses for condition in gate):
        return None
    return next((statuses[condition] for condition in gate if statuses[condition] != "separates"), "separates")


def _of(witnesses: Witnesses) -> Sequence[tuple[Unit, Sequence[Twin]]]:
    return [*witnesses.units.items()]


def _both(twin: Twin) -> tuple[Recipe, Recipe]:
    return twin.natural, twin.randomized


def _failure(rows: Sequence[Row]) -> tuple[Failure | None, str]:
    """What leaves no verdict, and why there is no value on some models; ("", "") where all have one."""
    failures = [row for row in rows if row.status in ("error", "timeout")]
    # What happened comes before what was then not tried.
    failures.sort(key=lambda row: row.reason.startswith("not evaluated"))
    if failures:
        failure: Failure = "error" if failures[0].status == "error" else "timeout"
        return failure, f"{failures[0].reason} (no value on {len(failures)} of {len(rows)} models)"
    return None, next((row.reason for row in rows if row.status == "not_applicable"), "")

"""The verdict under one condition: units in, a status out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.judging.twin_statistics import sign_test
from harness.judging.units.decision import UnitDecision
from harness.judging.units.heterogeneity import LEVEL, heterogeneity
from harness.judging.units.networks import enough_networks, without
from harness.judging.units.sign_test import SIGNIFICANCE, check_units

Failure = Literal["error", "timeout"]
Status = Literal["separates", "depends_on_the_network", "overlaps", "inverted", "not_applicable", "error", "timeout"]


@dataclass(frozen=True)
class ConditionVerdict:
    """The verdict on one measure under one condition. Only `separates` passes.

    - `separates`: enough units are won (sign_test.py), of enough networks (networks.py); `inverted`: enough are lost,
      of enough networks. Both whatever the heterogeneity.
    - `depends_on_the_network`: enough units, but of too few networks; or too few, which differ by more than chance
      (heterogeneity.py).
    - `overlaps`: none of these. `not_applicable`: no seed of any unit has both values. `error`, `timeout`: on a model.

    `p_value`: of the sign test of the units that are won; `p_inverted`: of those that are lost; `p_heterogeneity`: of
    the seeds' wins by unit.
    """

    condition: str
    status: Status
    units: tuple[UnitDecision, ...]
    p_value: float
    p_inverted: float
    p_heterogeneity: float

    @property
    def passes(self) -> bool:
        return self.status == "separates"

    @property
    def lost_networks(self) -> list[str]:
        """Networks of which no unit is won, where it is for want of them alone that the measure does not pass."""
        alone = self.status == "depends_on_the_network" and self.p_value < SIGNIFICANCE
        return without(self.units) if alone else []

    @property
    def won(self) -> int:
        """Units that are won."""
        return sum(unit.decision == "won" for unit in self.units)

    @property
    def lost(self) -> int:
        """Units that are lost. Some are neither."""
        return sum(unit.decision == "lost" for unit in self.units)


def judge_condition(condition: str, units: Sequence[UnitDecision], failure: Failure | None = None) -> ConditionVerdict:
    """The verdict from the units' decisions; `failure` where an error or a timeout left a model without a value.

    Raises HarnessError if the units are too few for any measure to pass.
    """
    check_units(len(units))
    decisions = [unit.decision for unit in units]
    p_value, p_inverted = (sign_test(decisions.count(which), len(units)) for which in ("won", "lost"))
    p_heterogeneity = heterogeneity([unit.wins for unit in units], [unit.seeds for unit in units])
    status: Status = "overlaps"
    if failure is not None:
        status = failure
    elif not any(unit.known for unit in units):
        status = "not_applicable"
    elif p_value < SIGNIFICANCE:
        status = "separates" if enough_networks(units) else "depends_on_the_network"
    elif p_inverted < SIGNIFICANCE:
        status = "inverted" if enough_networks(units, "lost") else "depends_on_the_network"
    elif p_heterogeneity <= LEVEL:
        status = "depends_on_the_network"
    return ConditionVerdict(condition, status, tuple(units), p_value, p_inverted, p_heterogeneity)

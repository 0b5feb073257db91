"""Is it unmoved by what leaves the function unchanged, and only by what it declares? (evaluation/reparametrization.py)

Drawn by hypothesis on two tiny trained networks. A measure that moves was never a property of the function (Dinh et
al. 2017, arXiv:1703.04933): that is not a fault, but is to be known; what is wrong is a declaration that does not hold.
"""

from collections.abc import Callable

import pytest

from harness.evaluation import reparametrization
from harness.evaluation.finding import Finding
from measures import Measure

pytestmark = [pytest.mark.finding, pytest.mark.reparametrization(reparametrization.PROBE)]


@pytest.fixture
def moves_unless_declared(keeps: Callable[..., None]) -> Callable[..., None]:
    def check(measure: Measure, change: Callable[..., Finding]) -> None:
        keeps(
            measure,
            reparametrization.PROBE,
            change,
            lambda finding: reparametrization.concluded(measure, change.__name__, finding),
        )

    return check


def test_layer_rescaling_moves_it_unless_declared(measure: Measure, moves_unless_declared: Callable[..., None]) -> None:
    moves_unless_declared(measure, reparametrization.layer_rescaling)


def test_unit_permutation_moves_it_unless_declared(
    measure: Measure, moves_unless_declared: Callable[..., None]
) -> None:
    moves_unless_declared(measure, reparametrization.unit_permutation)


def test_batch_norm_folding_moves_it_unless_declared(
    measure: Measure, moves_unless_declared: Callable[..., None]
) -> None:
    moves_unless_declared(measure, reparametrization.batch_norm_folding)


def test_logit_shift_moves_it_unless_declared(measure: Measure, moves_unless_declared: Callable[..., None]) -> None:
    moves_unless_declared(measure, reparametrization.logit_shift)

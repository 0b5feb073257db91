"""Each measure beside what another package computes of the same networks.

Where the definitions give a common scale, the tiny zoo's networks, which other tests train too, show an error as well
as large ones do. Under --long every comparison is made on the digits zoo's networks, those of the table.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.zoo.twin import Twin
from harness.zoo.zoo import Zoo, twins
from measures.trained_model import TrainedModel
from tests.peers.agreement_table import COMPARISONS
from tests.peers.comparison import Comparison, agreement
from tests.peers.networks import sixteen, ten, trained_networks
from tests.peers.tails import FEWEST

Networks = Callable[[bool], list[TrainedModel]]


@pytest.fixture(scope="module")
def networks(shared_cache: Path) -> Networks:
    """Those for costly comparisons or for the others, trained when they are first asked for."""
    kept: dict[bool, list[TrainedModel]] = {}

    def of(costly: bool) -> list[TrainedModel]:
        if costly not in kept:
            kept[costly] = trained_networks(ten() if costly else sixteen(), shared_cache)
        return kept[costly]

    return of


@pytest.fixture(scope="module")
def small(tiny_zoo: Zoo, shared_cache: Path) -> list[TrainedModel]:
    """Eighteen small networks, half of them fitted to random labels: those with a layer of enough eigenvalues."""
    wide = [twin for twin in twins(tiny_zoo, "random_labels") if width(twin) >= FEWEST]
    return trained_networks(wide, shared_cache)


def width(twin: Twin) -> int:
    return int(twin.natural.network.removeprefix("mlp_1x"))


def cases(comparisons: list[Comparison]) -> list[object]:
    return [pytest.param(each, id=f"{each.measure}-{each.package}") for each in comparisons]


QUICK = [each for each in COMPARISONS if each.ratio is not None and not each.costly]


def agrees(comparison: Comparison, networks: Callable[[], list[TrainedModel]]) -> None:
    """`networks` gives them, where the package is there."""
    if comparison.version is None:
        pytest.skip(f"{comparison.package} is not installed; pip install -e '.[peers]'")
    found = agreement(comparison, networks())
    assert len(found.ratios) >= 8
    assert found.rank >= comparison.rank
    if comparison.ratio is not None:
        low, high = comparison.ratio
        assert [ratio for ratio in found.ratios if not low <= ratio <= high] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of other packages, when they are imported
@pytest.mark.parametrize("comparison", cases(QUICK))
def test_a_measure_of_the_same_scale_agrees_with_a_package_on_small_networks(
    comparison: Comparison, small: list[TrainedModel]
) -> None:
    agrees(comparison, lambda: small)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("comparison", cases(COMPARISONS))
def test_a_measure_agrees_with_a_package_as_far_as_their_definitions_do(
    comparison: Comparison, networks: Networks
) -> None:
    agrees(comparison, lambda: networks(comparison.costly))

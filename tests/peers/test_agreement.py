"""Each measure beside what another package computes of the same networks."""

from collections.abc import Callable
from pathlib import Path

import pytest

from measures.trained_model import TrainedModel
from tests.peers.agreement_table import COMPARISONS
from tests.peers.comparison import Comparison, agreement
from tests.peers.networks import sixteen, ten, trained_networks

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


CASES = [
    pytest.param(each, id=f"{each.measure}-{each.package}", marks=[pytest.mark.long] if each.costly else [])
    for each in COMPARISONS
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of other packages, when they are imported
@pytest.mark.parametrize("comparison", CASES)
def test_a_measure_agrees_with_a_package_as_far_as_their_definitions_do(
    comparison: Comparison, networks: Networks
) -> None:
    if comparison.version is None:
        pytest.skip(f"{comparison.package} is not installed; pip install -e '.[peers]'")
    found = agreement(comparison, networks(comparison.costly))
    assert len(found.ratios) >= 8
    assert found.rank >= comparison.rank
    if comparison.ratio is not None:
        low, high = comparison.ratio
        assert [ratio for ratio in found.ratios if not low <= ratio <= high] == []

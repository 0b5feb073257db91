"""Which twins are one unit's seeds, and where they are too few."""

from collections import Counter

import pytest

from harness.errors import HarnessError
from harness.judging.units.decision import Unit
from harness.judging.units.witnesses import by_unit, check_enough, witnesses_of
from harness.zoo.checkpoints.own_twins import OwnTwins
from harness.zoo.zoo import Zoo, twins
from harness.zoo.zoos import ZOOS

TEN = Zoo("ten", "digits", {f"mlp_1x{width}": 0.3 for width in range(8, 18)}, seeds_per_network=3)
ONE = Zoo("one", "digits", {"mlp_1x8": 0.3}, seeds_per_network=12)


def own(zoo: Zoo) -> OwnTwins:
    """The zoo's twins as if they came from elsewhere."""
    pairs = twins(zoo, "random_labels")
    return OwnTwins("mine", Counter({"random_labels": len(pairs)}), pairs={"random_labels": pairs})


def test_the_seeds_of_a_network_on_a_data_set_are_one_unit() -> None:
    found = by_unit(twins(ZOOS["digits"], "gaussian")).units
    assert [len(seeds) for seeds in found.values()] == [3] * 18
    assert {Unit("digits", "mlp_1x512"), Unit("noisy_digits", "mlp_1x512")} <= {*found}


def test_pairs_of_one_network_from_elsewhere_are_units_that_witness_for_it_alone() -> None:
    found = witnesses_of(own(ONE), twins(ONE, "random_labels"))
    assert [len(seeds) for seeds in found.units.values()] == [1] * 12
    assert found.note == "every pair counts as a unit, so this is about this network alone"


def test_pairs_of_ten_networks_from_elsewhere_are_their_seeds() -> None:
    found = witnesses_of(own(TEN), twins(TEN, "random_labels"))
    assert [len(seeds) for seeds in found.units.values()] == [3] * 10
    assert found.note == ""


def test_many_seeds_of_few_networks_are_too_few_units_in_a_zoo() -> None:
    with pytest.raises(HarnessError, match=r"too few units: the one zoo has 1, .* fewer than 10; a unit is a data set"):
        check_enough(ONE)
    check_enough(TEN)


def test_of_pairs_from_elsewhere_ten_are_enough() -> None:
    check_enough(own(ONE))
    few = OwnTwins("mine", Counter({"random_labels": 9}))
    with pytest.raises(HarnessError, match=r"mine has 9 pairs of random_labels; no measure can reach p < 0[.]001"):
        check_enough(few)

"""Which networks are lost altogether, and what that makes of a verdict."""

import itertools

import pytest

from harness.judging.units.condition import judge_condition
from harness.judging.units.decision import Unit, UnitDecision
from harness.judging.units.networks import enough, enough_networks, networks_needed, units_by_network, without


def unit(network: str, setting: str, sign: int) -> UnitDecision:
    """All three seeds win (1), tie or lose (-1)."""
    return UnitDecision(Unit(setting, network), 3 * (sign == 1), 3 * (sign == 0), 3 * (sign == -1), 3)


def pairs(signs: dict[str, tuple[int, ...]]) -> list[UnitDecision]:
    """Units of each network on data sets, as many as it has signs."""
    return [unit(name, f"data{place}", sign) for name, of in signs.items() for place, sign in enumerate(of)]


TEN = {f"network{number}": (1, 1) for number in range(10)}


@pytest.mark.parametrize(("networks", "least"), [(1, 1), (8, 8), (9, 9), (10, 10), (13, 13), (14, 13), (18, 16)])
def test_of_fewer_than_ten_all_are_needed_then_as_many_as_the_sign_test_needs(networks: int, least: int) -> None:
    assert networks_needed(networks) == least


def test_a_network_that_wins_one_unit_of_two_is_not_lost() -> None:
    found = judge_condition("gaussian", pairs(TEN | {"network3": (1, -1), "network4": (0, 1)}))
    assert found.status == "separates" and found.lost_networks == []


@pytest.mark.parametrize("signs", [(-1, -1), (0, -1), (0, 0)])
def test_a_network_that_wins_no_unit_keeps_a_measure_from_passing(signs: tuple[int, ...]) -> None:
    found = judge_condition("gaussian", pairs(TEN | {"network3": signs}))
    assert found.won == 18 and found.p_value < 0.001  # enough, were they of all networks
    assert found.status == "depends_on_the_network" and found.lost_networks == ["network3"]


def test_so_it_is_the_wrong_way_round() -> None:
    lost = {name: (-1, -1) for name in TEN}
    assert judge_condition("gaussian", pairs(lost | {"network3": (-1, 1)})).status == "inverted"
    found = judge_condition("gaussian", pairs(lost | {"network3": (1, 1)}))
    assert found.status == "depends_on_the_network" and found.lost_networks == []


def test_where_networks_are_one_unit_each_units_alone_decide() -> None:
    for wins in itertools.product((1, -1), repeat=10):
        for more in range(7):
            units = pairs({f"network{n}": (sign,) for n, sign in enumerate(wins + (1,) * more)})
            assert (judge_condition("gaussian", units).status == "separates") == (
                judge_condition("gaussian", units).p_value < 0.001
            )


def test_a_coin_for_each_of_ten_networks_on_two_data_sets_passes_in_1_of_1024() -> None:
    through = 0
    for coins in itertools.product((1, -1), repeat=10):
        two = {f"network{n}": (coin, coin) if n < 8 else (coin,) for n, coin in enumerate(coins)}
        through += judge_condition("gaussian", pairs(two)).passes
    assert through == 1


def test_a_coin_for_each_of_these_18_units_passes_in_129_of_2_to_the_18_cases() -> None:
    """None lost, one of the 16 that are not a network's only unit, or two of these that are not one network's."""
    alone = {f"network{n}": (1, 1) if n < 8 else (1,) for n in range(10)}
    units = pairs(alone)
    through = 0
    for lost in range(4):
        for which in itertools.combinations(range(18), lost):
            fallen = [
                unit(each.unit.network, each.unit.setting, -1) if place in which else each
                for place, each in enumerate(units)
            ]
            through += judge_condition("gaussian", fallen).passes
    assert through == 1 + 16 + (16 * 15 // 2 - 8)


def test_units_are_counted_and_lost_networks_named_in_the_order_of_the_units() -> None:
    units = pairs({"b": (1, -1), "a": (-1,), "c": (0, 0, 0)})
    assert units_by_network(units) == [2, 1, 3]
    assert without(units) == ["a", "c"] and without(units, "lost") == ["c"]
    assert not enough_networks(units) and enough_networks(pairs({"a": (1, -1), "b": (1,)}))


@pytest.mark.parametrize("signs", [*itertools.product((1, 0, -1), repeat=4)])
def test_enough_units_are_won_or_lost_just_where_a_verdict_says_so(signs: tuple[int, ...]) -> None:
    units = pairs(TEN | {"network3": signs[:2], "network4": signs[2:]})
    assert enough(units) == judge_condition("gaussian", units).passes
    turned = [unit(each.unit.network, each.unit.setting, (each.losses - each.wins) // 3) for each in units]
    assert enough(turned, "lost") == (judge_condition("gaussian", turned).status == "inverted")


def test_of_few_units_there_are_never_enough() -> None:
    assert not enough(pairs({f"network{number}": (1,) for number in range(9)}))

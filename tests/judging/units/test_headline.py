"""The sentences, by hand."""

from harness.judging.units.condition import ConditionVerdict, Failure, judge_condition
from harness.judging.units.decision import Unit, decide
from harness.judging.units.headline import explain, headline, named, worst

NETWORKS = ["mlp_1x512", "mlp_3x256", "residual_mlp", "convnet", "convnet_bn", "resnet_bn", "vision_transformer"]
UNITS = [Unit(setting, network) for setting in ("digits", "noisy digits") for network in NETWORKS]
ON_ONE = ("convnet", "vit_small")
"""Of ten networks, those that are in one unit; all others are in two."""
TEN = [
    Unit(setting, network)
    for setting in ("digits", "noisy digits")
    for network in [*ON_ONE, *(f"network{number}" for number in range(8))]
    if setting == "digits" or network not in ON_ONE
]
NOISY = {network: Unit("noisy digits", network) for network in NETWORKS}


def verdict(
    condition: str,
    lost: tuple[Unit, ...] = (),
    undecided: tuple[Unit, ...] = (),
    *,
    other: tuple[float, ...] = (1, 1, 1),
    failure: Failure | None = None,
) -> ConditionVerdict:
    signs = {unit: (-1, -1, -1) if unit in lost else (1, 0, -1) if unit in undecided else other for unit in UNITS}
    found = [decide(unit, [(0.0, float(sign)) for sign in seeds]) for unit, seeds in signs.items()]
    return judge_condition(condition, found, failure)


TOLD = verdict("random_labels")
DEPENDS = verdict("gaussian", (NOISY["mlp_1x512"], NOISY["mlp_3x256"]), (NOISY["convnet"],))


def test_conditions_that_are_told_come_first_and_losing_units_are_named() -> None:
    assert explain([DEPENDS, TOLD]) == (
        "tells random labels: 14 of 14 units; gaussian: 11 of 14, loses mlp_1x512 and mlp_3x256 on noisy digits, "
        "undecided on convnet on noisy digits (depends on the network: p = 2.8e-05)"
    )


def test_a_condition_that_is_told_names_the_unit_that_it_loses() -> None:
    assert (
        explain([verdict("random_pixels", (UNITS[3],))])
        == "tells random pixels: 13 of 14 units, loses convnet on digits"
    )


def test_units_that_differ_are_all_named() -> None:
    found = explain([verdict("gaussian", tuple(UNITS[:7]))])
    assert found.startswith("tells nothing; gaussian: 7 of 14 units, loses mlp_1x512, mlp_3x256, ")
    assert "resnet_bn and vision_transformer on digits (depends on the network: p = 6.4e-09)" in found


def test_many_units_that_do_not_differ_are_counted() -> None:
    assert explain([verdict("gaussian", (), tuple(UNITS[:5]), other=(1, 1, -1))]) == (
        "tells nothing; gaussian: 9 of 14 units, undecided on 5"
    )
    assert (
        explain([verdict("gaussian", other=(0, 0, 0))]) == "tells nothing; gaussian: 0 of 14 units, ties on every seed"
    )


def test_inverted_says_so() -> None:
    assert explain([verdict("gaussian", tuple(UNITS))]) == (
        "tells nothing; gaussian: 0 of 14 units, loses 14 (inverted: p = 6.1e-05)"
    )


def test_where_there_is_no_verdict_the_status_is_said() -> None:
    assert (
        explain([TOLD, verdict("gaussian", failure="timeout")])
        == "tells random labels: 14 of 14 units; gaussian: timeout"
    )
    nothing = judge_condition("random_pixels", [decide(unit, [(None, 1.0)] * 3) for unit in UNITS])
    assert explain([nothing]) == "tells nothing; random pixels: not applicable"
    assert headline([TOLD, nothing]) == "random pixels: not applicable"


def test_the_headline_is_the_worst_condition_with_its_count() -> None:
    assert headline([TOLD, DEPENDS]) == "gaussian: 11 of 14 units (13 needed)"
    assert headline([TOLD]) == "random labels: 14 of 14 units (13 needed)"


def test_the_worst_loses_most_among_equal_counts_and_a_failure_is_worse_than_any_count() -> None:
    undecided, lost = verdict("random_pixels", (), (UNITS[0],)), verdict("gaussian", (UNITS[0],))
    assert worst([undecided, lost]) is lost
    assert worst([lost, undecided]) is lost
    failed = verdict("random_labels", failure="error")
    assert worst([verdict("gaussian", tuple(UNITS)), failed]) is failed


def test_networks_are_named_by_setting() -> None:
    assert named([UNITS[3], *UNITS[7:9]]) == "convnet on digits, mlp_1x512 and mlp_3x256 on noisy digits"
    assert named([Unit("", "convnet")]) == "convnet"


def test_the_worst_condition_is_that_which_lacks_most_units_of_those_needed() -> None:
    few = judge_condition("random_labels", [decide(unit, [(0.0, 1.0)]) for unit in UNITS[:10]])
    signs = [1.0] * 12 + [-1.0] * 2
    many = judge_condition("gaussian", [decide(u, [(0.0, s)]) for u, s in zip(UNITS, signs, strict=True)])
    assert few.passes and not many.passes and few.won < many.won
    assert worst([few, many]) is many


def of_ten_networks(condition: str, *lost: Unit) -> ConditionVerdict:
    """18 units, all won but these."""
    return judge_condition(condition, [decide(unit, [(0.0, -1.0 if unit in lost else 1.0)] * 3) for unit in TEN])


WITHOUT_VIT = of_ten_networks("gaussian", Unit("digits", "vit_small"))


def test_of_a_measure_that_wins_enough_units_but_none_of_a_network_the_network_is_named() -> None:
    assert headline([WITHOUT_VIT]) == "gaussian: 17 of 18 units (16 needed, and one of vit_small)"
    assert explain([of_ten_networks("random_labels"), WITHOUT_VIT]) == (
        "tells random labels: 18 of 18 units; gaussian: 17 of 18, loses vit_small on digits "
        "(depends on the network: wins no unit of vit_small)"
    )


def test_several_networks_that_are_lost_are_all_named_and_only_those() -> None:
    both = of_ten_networks("gaussian", Unit("digits", "convnet"), Unit("digits", "vit_small"))
    assert headline([both]) == "gaussian: 16 of 18 units (16 needed, and one of convnet and vit_small)"
    one_of_two = of_ten_networks("gaussian", Unit("digits", "vit_small"), Unit("noisy digits", "network3"))
    assert headline([one_of_two]) == "gaussian: 16 of 18 units (16 needed, and one of vit_small)"


def test_where_units_are_too_few_in_any_case_no_network_is_asked_for() -> None:
    few = of_ten_networks("gaussian", *(unit for unit in TEN if unit.network in ("vit_small", "network3")))
    assert few.won == 15
    assert headline([few]) == "gaussian: 15 of 18 units (16 needed)"
    assert "(depends on the network: p = " in explain([few])


def test_a_condition_that_is_not_passed_is_worse_than_one_with_fewer_units_that_is() -> None:
    passed = of_ten_networks("random_labels", Unit("digits", "network3"), Unit("noisy digits", "network5"))
    assert passed.passes and not WITHOUT_VIT.passes and passed.won < WITHOUT_VIT.won
    assert worst([passed, WITHOUT_VIT]) is worst([WITHOUT_VIT, passed]) is WITHOUT_VIT
    assert headline([passed, WITHOUT_VIT]) == "gaussian: 17 of 18 units (16 needed, and one of vit_small)"

"""The sentences, by hand."""

from harness.judging.units.condition import ConditionVerdict, Failure, judge_condition
from harness.judging.units.decision import Unit, decide
from harness.judging.units.headline import explain, headline, named, worst

NETWORKS = ["mlp_1x512", "mlp_3x256", "residual_mlp", "convnet", "convnet_bn", "resnet_bn", "vision_transformer"]
UNITS = [Unit(setting, network) for setting in ("digits", "noisy digits") for network in NETWORKS]
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

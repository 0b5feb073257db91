"""A question is answered by units and by networks: of a network that is lost altogether nothing else makes up for."""

import pytest

from harness.judging.questions import QUESTIONS
from harness.training.recipe import Recipe
from tests.builders import constructed_zoo as made
from tests.builders.constructed_zoo import DIGITS, outcome, rows

CLAUSES = {clause.__name__: clause for question in QUESTIONS for clause in question.clauses}


def but_for(*networks: str, data_sets: tuple[str, ...] = ("digits", "noisy_digits")):
    """The gap, but of these networks on these data sets something that tells nothing."""

    def value(recipe: Recipe) -> float:
        return 1.0 if recipe.network in networks and recipe.data_set in data_sets else made.gap(recipe)

    return value


@pytest.mark.parametrize(
    ("name", "passes", "flat"),
    [
        ("same_data", "separates", "depends_on_the_network"),
        ("attack_dose", "grows", "flat"),
        ("corrupted_fraction", "grows", "flat"),
        ("scarce_images", "grows", "flat"),
    ],
)
def test_one_unit_of_a_network_may_be_lost_and_not_all_of_them(name: str, passes: str, flat: str) -> None:
    one_unit = but_for("resnet_small", data_sets=("digits",))
    assert CLAUSES[name](DIGITS, rows(one_unit), outcome).status == passes
    for network in ("resnet_small", "vit_small"):  # 16 and 17 of 18 units are left, which the sign test would do with
        finding = CLAUSES[name](DIGITS, rows(but_for(network)), outcome)
        assert finding.status == flat and finding.problem, network
        assert finding.numbers["p_value"] < 0.001


def test_a_trend_that_one_network_does_not_have_names_it() -> None:
    problem = CLAUSES["attack_dose"](DIGITS, rows(but_for("vit_small")), outcome).problem
    assert problem.startswith("does not grow with the attack set on vit_small (rises in 17 of 18 units, p = 7.2e-05")


@pytest.mark.parametrize("name", ["weight_decay", "three_epochs", "shuffled_pixels"])
def test_a_measure_that_one_network_does_not_move_has_no_scale(name: str) -> None:
    finding = CLAUSES[name](DIGITS, rows(but_for("vit_small")), outcome)
    assert finding.status == "no_scale"
    assert "larger on random labels in only 17 of 18 units; one of vit_small is needed" in finding.problem
    assert CLAUSES[name](DIGITS, rows(but_for("resnet_small", data_sets=("digits",))), outcome).status != "no_scale"

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.perturbations import grid_size
from measures.sharpness.pac_bayes_flatness import pac_bayes_flatness
from measures.sharpness.worst_case_flatness import worst_case_flatness, worst_case_magnitude_flatness
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, random_linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


def naive_radius(trained, relative):
    """All sizes of the grid from 10⁻⁶ up, until four steps to the worst corner raise the error by over a tenth."""
    start = trained.model.weight.detach()
    width = start.abs() if relative else torch.ones_like(start)

    def error(weight):
        return ((trained.inputs @ weight.T).argmax(dim=1) != trained.labels).double().mean().item()

    before = last = error(start)
    for index in range(-48, 9):
        weight, worst = start, before
        for _ in range(4):
            wrong = (trained.inputs @ weight.T).softmax(dim=1) - torch.eye(len(weight)).double()[trained.labels]
            weight = start + grid_size(index) * width * (wrong.T @ trained.inputs).sign()
            worst = max(worst, error(weight))
        if worst - before > 0.1 + 1e-9:
            return 10 ** ((index - 1 + (0.1 - (last - before)) / (worst - last)) / 8)
        last = worst


@pytest.mark.parametrize("seed", range(5))
def test_is_what_scanning_all_sizes_of_a_linear_model_finds(seed):
    trained = random_linear_model(seed, num_train=50, size=10, num_classes=3, fitted=True)
    assert worst_case_flatness(trained) == pytest.approx(naive_radius(trained, False) ** -2, rel=1e-5)
    assert worst_case_magnitude_flatness(trained) == pytest.approx(naive_radius(trained, True) ** -2, rel=1e-5)


def test_weights_3_and_minus_1_meet_when_each_loses_its_own_size():
    trained = linear_model([[3.0], [-1.0]], inputs=[[1.0]], labels=[0])
    assert 10 ** (-2 / 8) < worst_case_magnitude_flatness(trained) <= 1  # α' from 1 up to the next size
    assert 10 ** (-6 / 8) < worst_case_flatness(trained) < 10 ** (-4 / 8)  # α = 2 lies between 10^(2/8) and 10^(3/8)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000))
def test_the_worst_corner_of_a_box_of_two_deviations_costs_more_than_noise(seed):
    trained = random_linear_model(seed, num_train=100, size=20, num_classes=3, fitted=True)
    assert worst_case_flatness(trained) * 4 > pac_bayes_flatness(trained)


def test_is_not_applicable_where_the_error_cannot_rise():
    trained = linear_model([[1.0], [-1.0]], inputs=[[1.0], [2.0]], labels=[1, 1])
    for measure in (worst_case_flatness, worst_case_magnitude_flatness):
        with pytest.raises(NotApplicable, match="no more than"):
            measure(trained)


@pytest.mark.parametrize("seed", [0, 3])
def test_an_equal_box_sees_neither_the_order_of_units_nor_a_shift_of_the_logits(seed):
    assert_sees_only(worst_case_flatness, {"layer_rescaling", "batch_norm_folding"}, seed)


@pytest.mark.parametrize("seed", [1, 7])
def test_a_box_in_proportion_sees_neither_the_scale_of_a_layer_nor_the_order_of_units(seed):
    assert_sees_only(worst_case_magnitude_flatness, {"batch_norm_folding", "logit_shift"}, seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    trained = small_network("convnet_bn", seed=4)
    trained.labels.copy_(trained.logits.argmax(dim=1))
    assert_leaves_all_as_found(worst_case_flatness, trained)

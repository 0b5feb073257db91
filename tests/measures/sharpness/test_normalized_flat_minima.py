import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import minimize

from measures.quantities.gauss_newton import layer_curvatures
from measures.sharpness.normalized_flat_minima import normalized_flat_minima, smallest_sum
from tests.builders.equivalent_networks import assert_sees_only
from tests.builders.small_networks import linear_model, small_network
from tests.measures.left_as_found import assert_leaves_all_as_found


def random_positive(seed, rows=4, columns=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, rows, columns, generator=generator, dtype=torch.float64).square() + 1e-3


def by_general_optimizer(squares, curvature):
    """The same minimum over the logarithms of all scales at once, by quasi-Newton steps."""
    rows, columns = squares.shape

    def total(logs):
        scale = np.exp(np.add.outer(logs[:rows], logs[rows:]))
        return (squares / scale + curvature * scale).sum()

    return minimize(total, np.zeros(rows + columns), options={"gtol": 1e-9}).fun


def test_of_one_weight_3_with_curvature_4_is_12():
    one = torch.ones(1, 1, dtype=torch.float64)
    assert smallest_sum(9 * one, 4 * one) == pytest.approx(12)  # 9/u + 4u is smallest at u = 3/2


def test_of_equal_chances_on_the_input_2_is_computed_by_hand():
    # H = x² p(1 - p) = 1 for both weights, 3 and -1, each with a row of its own: 2 (3 · 1 + 1 · 1)
    p = 1 / (1 + np.exp(-8))
    trained = linear_model([[3.0], [-1.0]], inputs=[[2.0]], labels=[0])
    assert normalized_flat_minima(trained) == pytest.approx(2 * (3 + 1) * 2 * np.sqrt(p * (1 - p)))


@pytest.mark.parametrize("seed", range(3))
def test_the_turns_reach_the_minimum_that_a_general_optimizer_finds(seed):
    squares, curvature = random_positive(seed)
    expected = by_general_optimizer(squares.numpy(), curvature.numpy())
    assert smallest_sum(squares, curvature) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("kind", ["mlp", "convnet"])
def test_is_the_sum_of_the_minima_over_layers_with_kernels_summed(kind):
    trained = small_network(kind, seed=1)
    total = 0.0
    for layer in layer_curvatures(trained):
        shape = (*layer.weight.shape[:2], -1)
        squares, curvature = layer.weight.square().reshape(shape).sum(2), layer.diagonal.reshape(shape).sum(2)
        seen = curvature.sum(dim=0) > 0  # an input that is never positive costs nothing
        total += by_general_optimizer(squares[:, seen].numpy(), curvature[:, seen].numpy())
    assert normalized_flat_minima(trained) == pytest.approx(total, rel=1e-4)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1000), st.floats(0.01, 100))
def test_no_scaling_of_rows_or_columns_changes_the_minimum_and_none_is_below(seed, factor):
    squares, curvature = random_positive(seed)
    value = smallest_sum(squares, curvature)
    assert value <= float((squares / factor + curvature * factor).sum()) * (1 + 1e-12)
    rows = torch.tensor([1.0, factor, 2.0, 0.5], dtype=torch.float64)[:, None]
    assert smallest_sum(squares * rows, curvature / rows) == pytest.approx(value, rel=1e-6)


def test_rows_and_columns_without_weight_or_curvature_cost_nothing():
    squares, curvature = random_positive(5)
    wide = torch.zeros(2, 6, 5, dtype=torch.float64)
    wide[:, :4, :3] = torch.stack([squares, curvature])
    wide[0, 4] = 1
    wide[1, :4, 4] = 1
    assert smallest_sum(*wide) == pytest.approx(smallest_sum(squares, curvature), rel=1e-6)
    assert smallest_sum(torch.zeros(2, 2), torch.ones(2, 2)) == 0


@pytest.mark.slow
@settings(deadline=None, max_examples=3)
@given(st.integers(0, 1000))
def test_sees_no_change_that_leaves_the_function_as_it_is(seed):
    assert_sees_only(normalized_flat_minima, set(), seed)


def test_leaves_the_model_its_gradients_and_the_random_state_as_found():
    assert_leaves_all_as_found(normalized_flat_minima, small_network("convnet_bn", seed=10))


def test_a_row_that_is_empty_once_a_column_has_gone_goes_as_well():
    squares = torch.tensor([[1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    curvature = torch.tensor([[0.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
    assert smallest_sum(squares, curvature) == pytest.approx(2.0)

"""SGD and the minimum norm, the Hessian at interpolants: by hand, and against automatic differentiation."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.errors import HarnessError
from harness.paper.kernels import linear


def problem(examples: int = 5, features: int = 12, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(examples, features, generator=generator, dtype=torch.float64)
    return inputs, torch.randn(examples, generator=generator, dtype=torch.float64).sign()


def test_minimum_norm_by_hand() -> None:
    """w₁ + w₂ = 2 and w₃ · 2 = 3: the shortest w is (1, 1, 3/2)."""
    inputs = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    torch.testing.assert_close(
        linear.minimum_norm_solution(inputs, torch.tensor([2.0, 3.0])), torch.tensor([1.0, 1.0, 1.5])
    )


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(0, 3), st.integers(0, 2))
def test_minimum_norm_is_the_pseudoinverse(examples: int, seed: int, outputs: int) -> None:
    inputs, _ = problem(examples, 9, seed)
    targets = torch.randn((examples, outputs) if outputs else (examples,), dtype=torch.float64)
    torch.testing.assert_close(linear.minimum_norm_solution(inputs, targets), torch.linalg.pinv(inputs) @ targets)


def test_repeated_examples_have_no_minimum_norm_solution() -> None:
    with pytest.raises(HarnessError, match="3 examples of 4 features are linearly dependent"):
        linear.minimum_norm_solution(torch.ones(3, 4), torch.ones(3))


@pytest.mark.parametrize("batch_size", [1, 3])
def test_sgd_from_zero_reaches_the_minimum_norm_and_never_leaves_the_span(batch_size: int) -> None:
    inputs, targets = problem()
    weights, path = linear.sgd_path(inputs, targets, 2000, torch.Generator().manual_seed(0), batch_size)
    torch.testing.assert_close(weights, torch.linalg.pinv(inputs) @ targets)
    assert path[0].distance_to_minimum_norm == 1.0
    assert path[0].loss == pytest.approx(0.5)  # labels are ±1
    assert path[-1].distance_to_minimum_norm < 1e-6
    assert path[-1].loss < 1e-12
    assert max(step.distance_from_span for step in path) < 1e-12


def test_sgd_from_elsewhere_keeps_what_no_example_sees() -> None:
    inputs, targets = problem()
    optimum = linear.minimum_norm_solution(inputs, targets)
    start = linear.off_the_span(inputs, torch.zeros_like(optimum), 2.0, torch.Generator().manual_seed(1))
    weights, path = linear.sgd_path(inputs, targets, 2000, torch.Generator().manual_seed(0), start=start)
    torch.testing.assert_close(weights, optimum + start)
    for step in path:
        assert step.distance_from_span == pytest.approx(2.0 / float(optimum.norm()))
    assert path[-1].loss < 1e-12


def test_one_step_by_hand() -> None:
    """x = (3, 4), y = 5, rate 1/25: w = 5 (3, 4) / 25 interpolates at once."""
    weights, path = linear.sgd_path(
        torch.tensor([[3.0, 4.0]]), torch.tensor([5.0]), 1, torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(weights, torch.tensor([0.6, 0.8]))
    assert [step.step for step in path] == [0, 1]
    assert path[0].loss == 12.5


def test_a_batch_steps_along_the_mean_of_its_gradients() -> None:
    """Two examples along two axes, y = (2, 4), rate 1: half of each."""
    weights, _ = linear.sgd_path(
        torch.eye(2), torch.tensor([2.0, 4.0]), 1, torch.Generator().manual_seed(0), batch_size=2
    )
    torch.testing.assert_close(weights, torch.tensor([1.0, 2.0]))


def test_the_path_is_recorded_to_its_last_step() -> None:
    inputs, targets = problem()
    _, path = linear.sgd_path(inputs, targets, 7, torch.Generator().manual_seed(0), batch_size=2)
    assert path[-1].step == 7 * 3
    assert [step.step for step in path] == sorted({step.step for step in path})


@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_the_hessian_is_the_same_at_two_interpolants_and_degenerate(loss: linear.Loss) -> None:
    inputs, labels = problem()
    smallest = linear.minimum_norm_solution(inputs, labels)
    other = linear.off_the_span(inputs, smallest, 10.0, torch.Generator().manual_seed(1))
    assert float((other - smallest).norm()) == pytest.approx(10.0)
    torch.testing.assert_close(inputs @ other, labels)
    here = linear.hessian_by_autograd(loss, inputs, labels, smallest)
    torch.testing.assert_close(here, linear.hessian_by_autograd(loss, inputs, labels, other))
    torch.testing.assert_close(here, linear.hessian(loss, inputs, labels, other))
    assert int(torch.linalg.matrix_rank(here)) == len(inputs) < inputs.shape[1]


def test_the_hessian_of_the_squared_loss_does_not_depend_on_w_and_that_of_the_logistic_loss_does() -> None:
    inputs, labels = problem()
    zero, one = torch.zeros(12, dtype=torch.float64), torch.ones(12, dtype=torch.float64)
    squared = [linear.hessian("squared", inputs, labels, w) for w in (zero, one)]
    logistic = [linear.hessian("logistic", inputs, labels, w) for w in (zero, one)]
    torch.testing.assert_close(squared[0], inputs.T @ inputs / 5)
    assert torch.equal(*squared)
    torch.testing.assert_close(logistic[0], inputs.T @ inputs / 20)  # σ(0) σ(0) = ¼
    assert not torch.allclose(*logistic)


@settings(max_examples=30)
@given(st.floats(-5, 5), st.sampled_from([-1.0, 1.0]), st.sampled_from(["squared", "logistic"]))
def test_second_derivatives_are_those_of_the_losses(output: float, label: float, loss: linear.Loss) -> None:
    z, y = torch.tensor([output], dtype=torch.float64), torch.tensor([label], dtype=torch.float64)
    step = 1e-4
    above, here, below = (linear.loss_at(loss, z + d, y) for d in (step, 0, -step))
    numeric = (above - 2 * here + below) / step**2
    torch.testing.assert_close(linear.second_derivative(loss, z, y), numeric, rtol=1e-5, atol=1e-6)

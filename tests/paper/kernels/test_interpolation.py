"""The blocked solver against plain linear algebra, and by hand."""

import resource
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.errors import HarnessError
from harness.paper.kernels.interpolation import LowerTriangle, factorise, norm, product, solve


def positive_definite(size: int, seed: int = 0) -> Tensor:
    drawn = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn @ drawn.T + size * torch.eye(size, dtype=torch.float64)


def rows_of(matrix: Tensor) -> Callable[[slice], Tensor]:
    return lambda rows: matrix[rows, : rows.stop]


def triangle_of(matrix: Tensor, block: int, at: tuple[int, ...] = ()) -> LowerTriangle:
    triangle = LowerTriangle.zeros(len(matrix), block, at, matrix.dtype)
    triangle.fill(rows_of(matrix))
    return triangle


def dense(triangle: LowerTriangle) -> Tensor:
    size = triangle.bounds[-1]
    whole = torch.zeros(size, size, dtype=triangle.blocks[0].dtype)
    for number, block in enumerate(triangle.blocks):
        whole[triangle.rows(number), : block.shape[1]] = block
    return whole.tril()


def targets(size: int, columns: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(size, columns, generator=torch.Generator().manual_seed(1), dtype=dtype)


def test_a_two_by_two_system_by_hand() -> None:
    """K = [[4, 2], [2, 5]]: L = [[2, 0], [1, 2]], and K⁻¹ (8, 13) = (7/8, 9/4); its norm is √(8·7/8 + 13·9/4)."""
    triangle = triangle_of(torch.tensor([[4.0, 2.0], [2.0, 5.0]]), block=1)
    assert list(factorise(triangle)) == [1, 2]
    assert torch.equal(dense(triangle), torch.tensor([[2.0, 0.0], [1.0, 2.0]]))
    y = torch.tensor([[8.0], [13.0]])
    alpha = solve(triangle, y)
    assert alpha.flatten().tolist() == [0.875, 2.25]
    assert norm(alpha, y) == pytest.approx((7 + 29.25) ** 0.5)


@settings(max_examples=40)
@given(st.integers(1, 23), st.integers(1, 9), st.integers(0, 3))
def test_the_factor_is_the_cholesky_factor_for_every_block_size(size: int, block: int, seed: int) -> None:
    matrix = positive_definite(size, seed)
    triangle = triangle_of(matrix, block)
    assert list(factorise(triangle))[-1] == size
    torch.testing.assert_close(dense(triangle), torch.linalg.cholesky(matrix))
    torch.testing.assert_close(solve(triangle, targets(size)), torch.linalg.solve(matrix, targets(size)))


@settings(max_examples=30)
@given(st.integers(1, 23), st.integers(1, 23), st.integers(1, 9))
def test_every_leading_part_is_solved_on_the_way(size: int, part: int, block: int) -> None:
    part = min(part, size)
    matrix = positive_definite(size)
    triangle = triangle_of(matrix, block, (part,))
    y = targets(size)[:part]
    found = [solve(triangle, y) for rows in factorise(triangle) if rows == part]
    assert len(found) == 1
    torch.testing.assert_close(found[0], torch.linalg.solve(matrix[:part, :part], y))
    torch.testing.assert_close(solve(triangle, y), found[0])  # and stays solvable afterwards


def test_what_is_above_the_diagonal_counts_for_nothing() -> None:
    matrix = positive_definite(7)
    spoiled = matrix + torch.full((7, 7), 1e6, dtype=torch.float64).triu(1)
    triangle = triangle_of(spoiled, 3)
    list(factorise(triangle))
    torch.testing.assert_close(solve(triangle, targets(7)), torch.linalg.solve(matrix, targets(7)))
    torch.testing.assert_close(product(rows_of(spoiled), targets(7), 3), matrix @ targets(7))


def test_features_in_parts_sum_to_their_products() -> None:
    features = torch.randn(8, 30, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    triangle = LowerTriangle.zeros(8, 3, dtype=torch.float64)
    for part in features.split(7, dim=1):
        triangle.add_products(part, lambda left, right: left @ right.T)
    triangle.add_to_diagonal(0.5)
    expected = features @ features.T + 0.5 * torch.eye(8, dtype=torch.float64)
    torch.testing.assert_close(dense(triangle), expected.tril())


@pytest.mark.parametrize("block", [1, 2, 5])
def test_a_matrix_that_is_not_positive_definite_names_the_row_and_the_way_out(block: int) -> None:
    matrix = torch.eye(5)
    matrix[3, 2] = matrix[2, 3] = 2.0
    with pytest.raises(HarnessError, match="not positive definite in float32: row 4 of 5 failed; give a larger jitter"):
        list(factorise(triangle_of(matrix, block)))


def test_a_matrix_of_nan_is_no_solution_either() -> None:
    with pytest.raises(HarnessError, match="not positive definite"):
        list(factorise(triangle_of(torch.full((4, 4), float("nan")), 2)))


def test_a_training_set_that_does_not_exist_is_refused() -> None:
    with pytest.raises(HarnessError, match="of 9 is not a part of one of 8"):
        LowerTriangle.zeros(8, at=(9,))
    triangle = triangle_of(positive_definite(8), 4)
    list(factorise(triangle))
    with pytest.raises(HarnessError, match="5 targets end inside a block"):
        solve(triangle, targets(5))


def test_only_half_of_the_matrix_is_held() -> None:
    triangle = LowerTriangle.zeros(4000, 100)
    held = sum(block.numel() for block in triangle.blocks)
    assert held == 4000 * 4100 // 2


@pytest.mark.slow
def test_the_factorisation_needs_no_second_matrix() -> None:
    """The peak of the process's memory grows by a fifth at most of the half matrix (50 MB) that is factorised."""
    triangle = LowerTriangle.zeros(5000, 500)
    triangle.add_to_diagonal(1.0)
    list(factorise(triangle))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    list(factorise(triangle))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10_000

"""The blocked solver against plain linear algebra, by hand, and what is kept of it."""

import json
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from harness.errors import HarnessError
from harness.paper import interpolants as kept
from harness.paper.gaussian_kernel import GaussianKernel
from harness.paper.interpolants import interpolants
from harness.paper.interpolation import LowerTriangle, factorise, norm, product, solve


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
        triangle.add_products(part)
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
    with pytest.raises(HarnessError, match="of 9 is no part of one of 8"):
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
    """The peak of the process's memory grows by less than the matrix, 100 MB in half, that is factorised twice."""
    triangle = LowerTriangle.zeros(7000, 500)
    triangle.add_to_diagonal(1.0)
    list(factorise(triangle))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    list(factorise(triangle))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_the_kernel_is_that_of_its_definition() -> None:
    """exp(−γ |x − x'|²): points at distances 0, 1 and 2 on a line."""
    kernel = GaussianKernel(torch.tensor([[0.0], [1.0], [3.0]]), gamma=0.5)
    exponents = torch.tensor([[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]])
    torch.testing.assert_close(kernel(slice(0, 3)), torch.exp(-0.5 * exponents))
    assert torch.equal(kernel(slice(1, 2)), kernel(slice(0, 3))[1:2, :2])
    weights = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    expected = torch.exp(torch.tensor([-0.5 * 4.0])) + 2 * torch.exp(torch.tensor([-0.5 * 1.0]))
    torch.testing.assert_close(kernel.predict(torch.tensor([[2.0]]), weights)[0], expected)


def test_every_example_is_exactly_like_itself() -> None:
    """Far from 0 rounding makes the distance to itself some 0.01."""
    features = 100 + torch.randn(30, 50, generator=torch.Generator().manual_seed(0))
    kernel = GaussianKernel(features, 1.0)
    assert float(kernel.between(features, 30).diagonal().min()) < 1.0
    assert torch.equal(kernel(slice(10, 30))[:, 10:].diagonal(), torch.ones(20))


@pytest.fixture
def problem() -> tuple[GaussianKernel, Tensor]:
    features = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return GaussianKernel(features, 0.3), targets(40, dtype=torch.float32)


def test_the_interpolant_reproduces_its_labels(problem: tuple[GaussianKernel, Tensor], tmp_path: Path) -> None:
    kernel, y = problem
    for size, found in interpolants(kernel, y, [40, 17], {"of": "a test"}, tmp_path).items():
        outputs = kernel.predict(kernel.features[:size], found.solution)
        torch.testing.assert_close(outputs, y[:size], rtol=1e-4, atol=1e-4)
        exact = GaussianKernel(kernel.features.double(), kernel.gamma)(slice(0, size))
        squared = (y[:size].double() * torch.linalg.solve(exact, y[:size].double())).sum()
        assert found.norm == pytest.approx(float(squared.sqrt()), rel=1e-4)
        assert found.relative_residual < 1e-6


def test_l2_is_on_the_diagonal(problem: tuple[GaussianKernel, Tensor], tmp_path: Path) -> None:
    kernel, y = problem
    found = interpolants(kernel, y, [40], {}, tmp_path, l2=0.5)[40]
    whole = kernel(slice(0, 40)).double() + 0.5 * torch.eye(40, dtype=torch.float64)
    torch.testing.assert_close(found.solution, torch.linalg.solve(whole, y.double()), rtol=1e-4, atol=1e-4)


def test_refinement_solves_an_ill_conditioned_matrix_beyond_float32(tmp_path: Path) -> None:
    features = torch.linspace(0, 1, 10)[:, None] * 3
    kernel = GaussianKernel(features, 2.0)
    y = targets(10, dtype=torch.float32)
    triangle = triangle_of(kernel(slice(0, 10)), 5)
    list(factorise(triangle))
    lower = kernel(slice(0, 10)).double().tril()
    matrix = lower + lower.tril(-1).T
    plain = solve(triangle, y).double()
    found = interpolants(kernel, y, [10], {}, tmp_path)[10]
    assert float((matrix @ found.solution - y).norm()) < 0.1 * float((matrix @ plain - y).norm())


def test_what_was_solved_is_not_solved_again(
    problem: tuple[GaussianKernel, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, y = problem
    first = interpolants(kernel, y, [20, 40], {"of": "a test"}, tmp_path)
    monkeypatch.setattr(kept, "_solved", lambda *_: pytest.fail("solved again"))
    again = interpolants(kernel, y, [20, 40], {"of": "a test"}, tmp_path)
    assert torch.equal(first[40].solution, again[40].solution)
    assert first[20].norm == again[20].norm


@pytest.mark.parametrize("change", [{"of": "another"}, {"l2": 0.1}, {"size": 39}])
def test_another_problem_is_solved_anew(
    problem: tuple[GaussianKernel, Tensor], tmp_path: Path, change: dict[str, object]
) -> None:
    kernel, y = problem
    interpolants(kernel, y, [40], {"of": "a test"}, tmp_path)
    size, l2 = change.get("size", 40), change.get("l2", 0.0)
    interpolants(kernel, y, [size], {"of": change.get("of", "a test")}, tmp_path, l2)  # type: ignore[list-item,arg-type]
    assert len(list(tmp_path.glob("interpolants/*.json"))) == 2


@pytest.mark.parametrize("spoil", ["cut", "changed", "no description", "no JSON"])
def test_a_damaged_solution_is_solved_again(problem: tuple[GaussianKernel, Tensor], tmp_path: Path, spoil: str) -> None:
    kernel, y = problem
    first = interpolants(kernel, y, [40], {}, tmp_path)[40]
    (place,) = tmp_path.glob("interpolants/*.safetensors")
    whole = place.read_bytes()
    if spoil == "cut":
        place.write_bytes(whole[:-4])
    elif spoil == "changed":
        place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif spoil == "no description":
        place.with_suffix(".json").unlink()
    else:
        place.with_suffix(".json").write_text("{")
    assert torch.equal(interpolants(kernel, y, [40], {}, tmp_path)[40].solution, first.solution)
    assert place.read_bytes() == whole
    assert json.loads(place.with_suffix(".json").read_text())["norm"] == first.norm


def test_repeated_examples_are_refused_with_a_way_out(tmp_path: Path) -> None:
    features = torch.ones(6, 2)
    with pytest.raises(HarnessError, match="leave out repeated examples"):
        interpolants(GaussianKernel(features, 1.0), targets(6, dtype=torch.float32), [6], {}, tmp_path)
    assert not list(tmp_path.glob("interpolants/*"))

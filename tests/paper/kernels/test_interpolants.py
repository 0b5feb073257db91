"""Interpolants against plain linear algebra, and what is kept of them."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import harness.paper.kernels.interpolants
from harness.errors import HarnessError
from harness.paper.kernels.gaussian_kernel import GaussianKernel
from harness.paper.kernels.interpolants import interpolants
from harness.paper.kernels.interpolation import LowerTriangle, factorise, solve


def targets(size: int) -> Tensor:
    return torch.randn(size, 3, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def problem() -> tuple[GaussianKernel, Tensor]:
    features = torch.randn(40, 6, generator=torch.Generator().manual_seed(0))
    return GaussianKernel(features, 0.3), targets(40)


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
    y = targets(10)
    rounded = kernel(slice(0, 10))
    triangle = LowerTriangle.zeros(10, 5)
    triangle.fill(lambda rows: rounded[rows, : rows.stop])
    list(factorise(triangle))
    lower = rounded.double().tril()
    matrix = lower + lower.tril(-1).T
    plain = solve(triangle, y).double()
    found = interpolants(kernel, y, [10], {}, tmp_path)[10]
    assert float((matrix @ found.solution - y).norm()) < 0.1 * float((matrix @ plain - y).norm())


def test_what_was_solved_is_not_solved_again(
    problem: tuple[GaussianKernel, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel, y = problem
    first = interpolants(kernel, y, [20, 40], {"of": "a test"}, tmp_path)
    monkeypatch.setattr(harness.paper.kernels.interpolants, "_solved", lambda *_: pytest.fail("solved again"))
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
    assert len(list(tmp_path.glob("interpolants/*.safetensors"))) == 2


@pytest.mark.parametrize("spoil", ["cut", "changed"])
def test_a_damaged_solution_is_solved_again(problem: tuple[GaussianKernel, Tensor], tmp_path: Path, spoil: str) -> None:
    kernel, y = problem
    first = interpolants(kernel, y, [40], {}, tmp_path)[40]
    (path,) = tmp_path.glob("interpolants/*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-4] if spoil == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    again = interpolants(kernel, y, [40], {}, tmp_path)[40]
    assert torch.equal(again.solution, first.solution)
    assert (again.norm, again.relative_residual) == (first.norm, first.relative_residual)
    assert torch.equal(interpolants(kernel, y, [40], {}, tmp_path)[40].solution, first.solution)


def test_repeated_examples_are_refused_with_a_way_out(tmp_path: Path) -> None:
    features = torch.ones(6, 2)
    with pytest.raises(HarnessError, match="leave out repeated examples"):
        interpolants(GaussianKernel(features, 1.0), targets(6), [6], {}, tmp_path)
    assert not list(tmp_path.glob("interpolants/*"))

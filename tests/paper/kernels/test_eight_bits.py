"""Features in 8 bits: steps by hand, products by integers and by floats, and that what is too much is refused."""

import pytest
import torch
from torch import Tensor

from harness.paper.kernels import eight_bits
from harness.paper.kernels.eight_bits import in_steps, products


def some_features(count: int, length: int, seed: int = 0) -> Tensor:
    return torch.randn(count, length, generator=torch.Generator().manual_seed(seed))


def test_steps_by_hand() -> None:
    """0.1 is 1.6 steps, 0.09 1.44, -1 is 16; 127 steps are the most."""
    assert in_steps(torch.tensor([[0.1, 0.09, -1.0, 7.9375, 9.0, -400.0]])).tolist() == [[2, 1, -16, 127, 127, -127]]


def naive_products(left: Tensor, right: Tensor) -> Tensor:
    return (left.long()[:, None] * right.long()[None]).sum(dim=2).double() / 256


@pytest.mark.parametrize("integers", [True, False])
def test_products_are_those_of_whole_numbers(integers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same on every processor; float32 rounds sums beyond 2^24."""
    monkeypatch.setattr(eight_bits, "multiplies_integers", lambda: integers)
    left, right = in_steps(3 * some_features(5, 2300)), in_steps(3 * some_features(7, 2300, seed=1))
    torch.testing.assert_close(products(left, right).double(), naive_products(left, right), rtol=1e-6, atol=1e-3)
    assert torch.equal(products(left[:, :900], right[:, :900]).double(), naive_products(left[:, :900], right[:, :900]))


def test_products_of_extremes_do_not_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    largest = torch.full((2, 8000), 127, dtype=torch.int8)
    for integers in (True, False):
        monkeypatch.setattr(eight_bits, "multiplies_integers", lambda integers=integers: integers)
        assert products(largest, -largest).tolist() == [[-8000 * 127**2 / 256] * 2] * 2


def test_more_features_than_32_bits_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eight_bits, "multiplies_integers", lambda: True)
    with pytest.raises(ValueError, match="140000 features at once may exceed 32 bits"):
        products(torch.zeros(1, 140_000, dtype=torch.int8), torch.zeros(1, 140_000, dtype=torch.int8))


def test_a_gram_matrix_of_steps_is_positive_semidefinite() -> None:
    steps = in_steps(some_features(60, 40))
    values = torch.linalg.eigvalsh(products(steps, steps).double())
    assert float(values[0]) > -1e-4

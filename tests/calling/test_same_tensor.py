"""A tensor is the same as its copy, whatever kind it is of, until a single byte of it is another."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.calling.same_tensor import same


@pytest.mark.parametrize("here", [True, False], ids=["by memory", "by torch"])
@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([math.nan, 1.0]),
        torch.tensor(2.0, dtype=torch.float64),
        torch.tensor(3.0),
        torch.arange(9.0)[1:],  # begins between two integers of 8 bytes
        torch.arange(9.0)[::2],
        torch.arange(12.0).view(3, 4).T,
        torch.arange(16) % 2 == 0,
        torch.ones(4, dtype=torch.complex64),
        torch.nn.Parameter(torch.ones(4)),
        torch.empty(0),
        torch.arange(5, dtype=torch.int8),  # no whole number of integers of 8 bytes
        torch.arange(6.0, dtype=torch.bfloat16)[1:4],
    ],
    ids=lambda tensor: f"{tensor.dtype}{tuple(tensor.shape)}",
)
def test_a_tensor_of_any_kind_is_the_same_as_its_copy_and_not_as_another(
    tensor: Tensor, here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not here:
        monkeypatch.setattr("harness.calling.same_tensor._compare", None)
    assert same(tensor, tensor.detach().clone())
    other = tensor.detach().clone(memory_format=torch.contiguous_format)
    if other.numel():
        last = other.view(-1)[-1:]
        last.copy_(~last if other.dtype == torch.bool else last * 0 + 7)
        assert not same(tensor, other)


def test_zero_is_zero_whatever_its_sign() -> None:
    assert same(torch.tensor([0.0, 1.0]), torch.tensor([-0.0, 1.0]))


@pytest.mark.parametrize("place", [0, 17, 40_000])
def test_a_byte_that_is_written_past_torch_is_found(place: int) -> None:
    given = torch.arange(10_001.0)
    copy, version = given.clone(), given._version
    given.numpy().view(np.uint8)[place] ^= 1
    assert given._version == version
    assert not same(given, copy)


def test_a_tensor_that_is_negated_when_it_is_read_is_another() -> None:
    numbers = torch.ones(3, dtype=torch.complex64)
    imaginary = torch.conj(numbers * 1j).imag
    assert imaginary.is_neg()
    assert not same(imaginary, -imaginary)
    assert same(imaginary, imaginary.clone())


@pytest.mark.filterwarnings("ignore:.*quantized tensor creation:UserWarning")
def test_quantized_tensors_of_the_same_bytes_and_other_scales_are_not_the_same() -> None:
    one, other = (torch.quantize_per_tensor(torch.ones(4) * scale, scale, 0, torch.qint8) for scale in (0.5, 0.25))
    assert torch.equal(one.int_repr(), other.int_repr())
    assert not same(one, other)
    assert same(one, one.clone())

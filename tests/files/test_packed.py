"""What is packed arrives as it was: numbers, shapes, what shares memory, and what is one object."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from harness.files.packed import packed, unpacked
from tests.builders.models import random_network

GENERATOR = torch.Generator().manual_seed(0)


def arrived(content: Any) -> Any:
    return unpacked(packed(content))


def same_bits(one: Tensor, other: Tensor) -> bool:
    sizes = one.dtype == other.dtype and one.shape == other.shape and one.stride() == other.stride()
    return sizes and one.contiguous().numpy().tobytes() == other.contiguous().numpy().tobytes()


@given(
    shape=st.lists(st.integers(0, 4), max_size=4),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool, torch.uint8, torch.float16]),
    data=st.data(),
)
def test_a_tensor_of_any_shape_order_and_place_in_its_memory_arrives(
    shape: list[int], dtype: torch.dtype, data: st.DataObject
) -> None:
    tensor = (torch.randn([size + 2 for size in shape], generator=GENERATOR) * 3).to(dtype)
    tensor = tensor[tuple(slice(1, 1 + size) for size in shape)]
    tensor = tensor.permute(data.draw(st.permutations(range(len(shape)))))
    assert same_bits(arrived(tensor), tensor)


def test_numbers_that_are_none_and_their_bits_arrive() -> None:
    tensor = torch.tensor([float("nan"), -0.0, float("inf"), 1e-45]).view(torch.int32) + 0
    assert same_bits(arrived(tensor.view(torch.float32)), tensor.view(torch.float32))


def test_tensors_that_share_memory_share_it_there_and_others_do_not() -> None:
    whole = torch.arange(6.0)
    found, row, apart = arrived((whole, whole.view(2, 3)[1], whole.clone()))
    found[4] = 9
    assert row.tolist() == [3, 9, 5] and apart.tolist() == [0, 1, 2, 3, 4, 5]
    assert whole[4] == 4


def test_tied_parameters_are_one_object_and_those_over_one_memory_stay_two() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3))
    network[1].weight = network[0].weight
    network[2].weight = nn.Parameter(network[0].weight.detach())  # the same memory, another parameter
    found = arrived(network)
    assert found[1].weight is found[0].weight and found[2].weight is not found[0].weight
    with torch.no_grad():
        found[0].weight.fill_(7)
    assert (found[2].weight == 7).all() and not (network[2].weight == 7).any()


@pytest.mark.parametrize("name", ["mlp_1x8", "convnet_bn", "resnet_small", "vit_small_p2"])
def test_a_network_is_the_same_function_with_the_same_state(name: str) -> None:
    network = random_network(name, 0).model
    for number, parameter in enumerate(network.parameters()):
        parameter.requires_grad_(number % 2 == 0)
    found = arrived(network)
    assert type(found) is type(network)
    ours, theirs = network.state_dict(), found.state_dict()
    assert [*ours] == [*theirs] and all(same_bits(ours[key], theirs[key]) for key in ours)
    assert [each.requires_grad for each in found.parameters()] == [each.requires_grad for each in network.parameters()]
    assert [each.training for each in found.modules()] == [each.training for each in network.modules()]
    assert all(type(each) is nn.Parameter and each.is_leaf for each in found.parameters())
    copy.deepcopy(found).load_state_dict(ours)


def test_tensors_of_other_kinds_arrive_as_pickle_has_them() -> None:
    marked = torch.ones(2)
    marked.origin = "a test"  # type: ignore[attr-defined]
    sparse = torch.eye(3).to_sparse()
    turned = torch.tensor([1 + 2j]).conj()
    found = arrived((marked, sparse, turned))
    assert found[0].origin == "a test" and found[0].tolist() == [1, 1]
    assert found[1].is_sparse and torch.equal(found[1].to_dense(), torch.eye(3))
    assert found[2].resolve_conj().tolist() == [1 - 2j]

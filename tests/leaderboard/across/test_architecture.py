"""What a network's name says is what it is built of; inputs and classes follow from how many weights an MLP has."""

import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from harness.leaderboard.across.architecture import NAMED, architecture_of, inputs_and_classes, inputs_of
from harness.training.declaring import OWN_NETWORKS
from harness.training.networks.building import build, network_named
from harness.training.networks.mixer import Mixer
from harness.training.networks.residual import Residual
from harness.training.networks.vit import VisionTransformer

SIZES = {"depth": 2, "width": 16, "stride": 2, "patch": 7}
NORMALIZATION = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def networks() -> list[str]:
    network_named("mlp_1x512")  # this project's are declared
    return [declared.name.format(**SIZES) for declared in OWN_NETWORKS.values()]


@pytest.mark.parametrize("name", networks())
def test_a_networks_name_says_what_it_is_built_of(name: str) -> None:
    found = architecture_of(name)
    assert found is not None, f"{name} has no line in architecture.py"
    if name == "inception_v3":
        pytest.skip("of torchvision, and large: its convolutions and batch normalizations are known")
    with torch.device("meta"):
        layers = [*build(name, (3, 28, 28), 10).modules()]

    def has(*kinds: type) -> bool:
        return any(isinstance(layer, kinds) for layer in layers)

    assert found.attention == has(VisionTransformer)
    assert found.convolutional == (has(nn.Conv2d) and not has(VisionTransformer, Mixer))  # patches are cut by one
    assert found.normalizes == has(*NORMALIZATION)
    assert found.residual == has(Residual)


def test_no_line_is_of_a_network_that_is_gone() -> None:
    assert set(NAMED) <= {re.sub(r"_[sp]\d$", "", name) for name in networks()}


def test_of_a_strangers_network_nothing_is_known() -> None:
    assert architecture_of("my_network") is None
    assert inputs_and_classes("my_network", 38_410) is None


@given(st.integers(1, 50), st.integers(2, 11), st.integers(1, 3), st.integers(12, 40), st.booleans())
def test_inputs_and_classes_follow_from_the_count_of_an_mlps_weights(
    inputs: int, classes: int, depth: int, width: int, residual: bool
) -> None:
    name = f"{'residual_' if residual else ''}mlp_{depth}x{width}"
    network = build(name, (inputs,), classes)
    parameters = sum(each.numel() for each in network.parameters())
    assert inputs_and_classes(name, float(parameters)) == (inputs, classes)


def test_a_count_that_no_mlp_has_tells_nothing() -> None:
    assert inputs_and_classes("mlp_1x512", 38_410.5) is None
    assert inputs_and_classes("mlp_1x512", 512) is None


def test_a_data_sets_inputs_are_told_where_all_its_mlps_agree() -> None:
    assert inputs_of([("mlp_1x512", 38_410), ("mlp_3x256", 150_794), ("convnet", 5)]) == 64
    assert inputs_of([("mlp_1x512", 38_410), ("mlp_3x256", 171_274)]) is None  # of 64 and of 144 inputs
    assert inputs_of([("convnet", 5)]) is None

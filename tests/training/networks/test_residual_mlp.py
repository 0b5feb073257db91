import hypothesis.strategies as st
import torch
from hypothesis import given, settings
from torch import nn

from harness.training.networks.building import build
from harness.training.networks.residual import Residual


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 4), st.integers(1, 30), st.integers(1, 9), st.integers(2, 12))
def test_it_has_the_weights_and_biases_of_its_layers(depth, width, features, classes):
    expected = (features + 1) * width + 2 * depth * (width + 1) * width + (width + 1) * classes
    network = build(f"residual_mlp_{depth}x{width}", (features,), classes)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected


def test_a_block_adds_what_it_computes_to_what_it_was_given():
    """One unit, weights 1 at first; input 2: hidden 2, block relu(2 + 3 relu(2 · 2 - 1) - 4) = 7, logits 7 and -7."""
    network = build("residual_mlp_1x1", (1,), 2)
    values = [1.0, 0.0, 2.0, -1.0, 3.0, -4.0, 1.0, -1.0, 0.0, 0.0]
    nn.utils.vector_to_parameters(torch.tensor(values), network.parameters())
    assert network(torch.tensor([[2.0]])).tolist() == [[7.0, -7.0]]


def test_a_block_whose_weights_are_zero_is_the_identity_of_what_is_positive():
    network = build("residual_mlp_3x8", (5,), 4)
    one = build("residual_mlp_1x8", (5,), 4)
    with torch.no_grad():
        for each in (network, one):
            for module in each.modules():
                if isinstance(module, Residual):
                    for parameter in module.parameters():
                        parameter.zero_()
        for ours, theirs in ((network[1], one[1]), (network[-1], one[-1])):
            ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(6, 5)
    assert torch.equal(network(inputs), one(inputs))


def test_dropout_is_of_the_units_within_blocks_and_not_of_what_skip_connections_carry():
    modules = [*build("residual_mlp_2x7", (5,), 3, dropout=0.3).modules()]
    kinds = [type(module) for module in modules if isinstance(module, nn.Linear | nn.ReLU | nn.Dropout)]
    block = [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.ReLU]
    assert kinds == [nn.Linear, nn.ReLU, *block, *block, nn.Linear]

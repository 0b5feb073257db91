import copy
import math

import pytest
import torch
from torch import nn

from measures import NotApplicable
from measures.norms.frobenius_norm import frobenius_norm
from measures.weight_layers import weight_layers
from tests.builders.models import trained_model
from tests.builders.odd_networks import odd_model
from tests.builders.odd_networks.forwards import positions_by_a_network, positions_for_each, weights_by_a_network
from tests.networks.modern_networks import NETWORKS, fitted


def test_layers_come_in_the_order_in_which_they_are_applied():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(3, 2), nn.Linear(4, 3)

        def forward(self, x):
            return self.last(self.first(x).relu())

    network = Backwards()
    assert [layer.name for layer in weight_layers(network, network, torch.ones(1, 4))] == ["first", "last"]


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, x):
        return x * self.scale


class NearOne(nn.Module):
    """Its parameter meets a constant by addition, the example by multiplication."""

    def __init__(self):
        super().__init__()
        self.layer, self.gain = nn.Linear(2, 2), nn.Parameter(torch.full((2,), 0.1))

    def forward(self, x):
        return self.layer(x).tanh() * (1 + self.gain)


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.matrix = nn.Parameter(torch.eye(2))

    def forward(self, x):
        return torch.einsum("mi,ki->mk", x, self.matrix)


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.unused = nn.Linear(2, 2), nn.Parameter(torch.eye(2))

    def forward(self, x):
        return self.layer(x)


class UsedAgain(nn.Module):
    """The layer's weight is used once more, transposed, by a function."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x):
        return self.layer(x).relu() @ self.layer.weight


class Tied(nn.Module):
    """Two layers have one weight."""

    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(2, 2), nn.Linear(2, 2)
        self.other.weight = self.one.weight

    def forward(self, x):
        return self.other(self.one(x).relu())


SHARED = nn.Linear(2, 2)
REFUSED = {
    "of the kind ConvTranspose2d": (nn.Sequential(nn.ConvTranspose2d(1, 1, 2), nn.Flatten()), (1, 2, 2)),
    "of the kind Conv3d": (nn.Sequential(nn.Conv3d(1, 1, 2), nn.Flatten()), (1, 2, 2, 2)),
    "of the kind LSTM": (nn.LSTM(2, 2), (2,)),
    "pads with reflect": (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), (1, 4, 4)),
    "is applied 2 times": (nn.Sequential(SHARED, nn.ReLU(), SHARED), (2,)),
    "weight of layer 'layer' is used 2 times": (UsedAgain(), (2,)),
    "weight of layer 'one' is used 2 times": (Tied(), (2,)),
    "'scale' belongs to no Linear": (Scaled(), (2,)),
    "'gain' belongs to no Linear": (NearOne(), (2,)),
    "'matrix' belongs to no Linear": (Bare(), (2,)),
    "'unused' belongs to no Linear": (Unused(), (2,)),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_plain_linear_map_is_refused_with_its_reason(reason):
    network, shape = REFUSED[reason]
    with pytest.raises(NotApplicable, match=reason):
        weight_layers(network, network, torch.ones(1, *shape))


class RowByRow(nn.Module):
    """A linear layer on each row of the image, as one folds them into the batch; float64."""

    def __init__(self):
        super().__init__()
        self.row, self.head = nn.Linear(6, 4).double(), nn.Linear(24, 3).double()

    def forward(self, x):
        rows = self.row(x.reshape(-1, 6)) if x.ndim == 4 else self.row(x)
        return self.head(rows.relu().reshape(len(x), -1))


@pytest.mark.parametrize("shape", [(1, 6, 6), (6, 6)])
def test_a_linear_layer_on_several_vectors_has_an_operator_with_its_weight_once_for_each(shape):
    torch.manual_seed(0)
    network = RowByRow()
    row, head = weight_layers(network, network, torch.randn(2, *shape, dtype=torch.float64))
    matrix = torch.block_diag(*[network.row.weight.detach()] * 6)
    assert row.input_shape == (6, 6) and row.output_shape == (6, 4) and head.input_shape == (24,)
    assert row.frobenius_norm == pytest.approx(float(matrix.norm()), rel=1e-12)
    assert row.operator_norm == pytest.approx(float(torch.linalg.matrix_norm(matrix, 2)), rel=1e-10)
    torch.testing.assert_close(row.singular_values, torch.linalg.svdvals(matrix))


def test_the_norm_of_a_network_that_reads_rows_counts_their_weights_for_each_row():
    torch.manual_seed(0)
    network = RowByRow()
    trained = trained_model(network, torch.randn(2, 1, 6, 6, dtype=torch.float64), torch.tensor([0, 1]))
    squares = 6 * network.row.weight.detach().square().sum().item(), network.head.weight.detach().square().sum().item()
    assert frobenius_norm(trained) == pytest.approx(sum(map(math.log, squares)) / 2, rel=1e-12)


ATTENTION = "block.self_attn.in_proj", "block.self_attn.out_proj", "block.linear1", "block.linear2"
PARTS = "block.attention.qkv", "block.attention.proj", "block.mlp.0", "block.mlp.2"


@pytest.mark.parametrize(
    "name, block", [("transformer", PARTS), ("transformer, torch's attention", ATTENTION)], ids=["own", "torch"]
)
def test_a_transformers_layers_are_its_linear_ones_attentions_included(name, block):
    assert [layer.name for layer in fitted(name).layers] == ["patches", *block, "head"]
    assert fitted(name).layers[1].weight.shape == (192, 64)


def test_both_ways_to_write_a_transformer_have_the_same_layers():
    torch.manual_seed(0)
    own, torchs = NETWORKS["transformer"]().eval(), NETWORKS["transformer, torch's attention"]().eval()
    here, there = own.block, torchs.block
    there.load_state_dict(
        {
            **{f"self_attn.in_proj_{key}": value for key, value in here.attention.qkv.state_dict().items()},
            **{f"self_attn.out_proj.{key}": value for key, value in here.attention.proj.state_dict().items()},
            **{f"linear1.{key}": value for key, value in here.mlp[0].state_dict().items()},
            **{f"linear2.{key}": value for key, value in here.mlp[2].state_dict().items()},
            **{f"norm1.{key}": value for key, value in here.norm1.state_dict().items()},
            **{f"norm2.{key}": value for key, value in here.norm2.state_dict().items()},
        }
    )
    rest = {key: value for key, value in own.state_dict().items() if not key.startswith("block.")}
    torchs.load_state_dict(torchs.state_dict() | rest)
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(own(x), torchs(x))
    for one, other in zip(weight_layers(own, own, x), weight_layers(torchs, torchs, x), strict=True):
        assert torch.equal(one.weight, other.weight) and one.input_shape == other.input_shape
        assert one.operator_norm == other.operator_norm


def test_an_init_of_another_shape_is_refused_by_the_layers_name():
    network, start = nn.Sequential(nn.Linear(2, 3)), nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(NotApplicable, match=r"layer .0. with weights of shape .* has no counterpart"):
        weight_layers(network, start, torch.ones(1, 2))


def test_looking_for_layers_leaves_a_transformer_as_it_was():
    trained = fitted("transformer, torch's attention")
    before, modules = copy.deepcopy(trained.model.state_dict()), dict(trained.model.named_modules())
    weight_layers(trained.model, trained.init, trained.inputs)
    assert all(torch.equal(value, before[key]) for key, value in trained.model.state_dict().items())
    assert dict(trained.model.named_modules()) == modules
    assert all(p.requires_grad and p.grad is None for p in trained.model.parameters())


@pytest.mark.parametrize("make", [positions_by_a_network, positions_for_each], ids=lambda make: make.__name__)
def test_a_layer_that_makes_biases_of_a_constant_is_left_out_as_they_are(make):
    trained = odd_model(make)
    layers = weight_layers(trained.model, trained.init, trained.inputs)
    assert [layer.name for layer in layers] == ["body", "head"]
    body, head = (trained.model.get_submodule(name).weight for name in ("body", "head"))
    expected = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    expected[1].weight, expected[3].weight = body, head
    assert frobenius_norm(trained) == frobenius_norm(trained_model(expected, trained.inputs, trained.labels))


def test_a_layer_that_makes_the_weights_of_another_is_refused():
    trained = odd_model(weights_by_a_network)
    with pytest.raises(NotApplicable, match=r"'weight\.weight' belongs to no Linear or Conv2d that .* applies to an e"):
        weight_layers(trained.model, trained.init, trained.inputs)


class Channels(nn.LayerNorm):
    """Normalizes the channels of images, as in torchvision's ConvNeXt."""

    def forward(self, x):
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class Normalized(nn.Module):
    """A convolution, a normalization, and a layer scale, which is folded where the network can be traced."""

    def __init__(self, norm, traceable=True):
        super().__init__()
        self.layer, self.norm, self.last = nn.Conv2d(1, 4, 3), norm, nn.Conv2d(4, 3, 2)
        self.scale, self.traceable = nn.Parameter(torch.rand(3, 1, 1) + 0.5), traceable

    def forward(self, x):
        if not self.traceable and float(x.detach().sum()) == 0:
            return x
        return (self.last(self.norm(self.layer(x))) * self.scale).mean(dim=(2, 3))


NORMS = {"derived": Channels(4), "of instances": nn.InstanceNorm2d(4, affine=True), "of groups": nn.GroupNorm(2, 4)}


@pytest.mark.parametrize("name", NORMS)
def test_a_normalization_of_an_example_is_passed_over_whatever_class_is_derived_from_it(name):
    torch.manual_seed(0)
    network = Normalized(NORMS[name]).eval()
    found = weight_layers(network, None, torch.randn(2, 1, 6, 6))
    assert [layer.name for layer in found] == ["layer", "last"]
    torch.testing.assert_close(found[1].weight, (network.last.weight * network.scale[..., None]).detach())


def test_a_normalization_of_instances_with_fixed_statistics_is_an_affine_map_and_not_passed_over():
    network = Normalized(nn.InstanceNorm2d(4, affine=True, track_running_stats=True)).eval()
    with pytest.raises(NotApplicable, match=r"parameter 'norm\.weight' belongs to no Linear"):
        weight_layers(network, None, torch.randn(2, 1, 6, 6))


def test_a_factor_for_each_channel_is_not_a_layer_to_what_looks_at_what_layers_receive():
    torch.manual_seed(0)
    network, x = Normalized(nn.GroupNorm(2, 4), traceable=False).eval(), torch.randn(2, 1, 6, 6)
    (received,) = trained_model(network, x, torch.tensor([0, 1])).hidden_features
    torch.testing.assert_close(received, network.norm(network.layer(x)).flatten(1).detach())


class Reads(nn.Module):
    """Reads the weights of a layer that it does not call, and changes them."""

    def __init__(self):
        super().__init__()
        self.first, self.read, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(nn.functional.linear(self.first(x).relu(), self.read.weight / 2, self.read.bias))


def test_a_layer_whose_changed_weights_a_function_applies_is_not_passed_over_by_what_looks_at_what_layers_receive():
    trained = trained_model(Reads().eval(), torch.randn(2, 4), torch.tensor([0, 1]))
    with pytest.raises(NotApplicable, match=r"parameter 'read\.weight' belongs to no Linear"):
        trained.hidden_features  # noqa: B018

"""A network arrives as it was sent, and one with torch's parametrizations can be used there as it was here."""

import copy
import io
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from harness.files.packed import packed, unpacked
from harness.files.sent_networks import send

LAYERS = {
    "weight_norm": lambda: parametrizations.weight_norm(nn.Linear(4, 3)),
    "spectral_norm": lambda: parametrizations.spectral_norm(nn.Linear(4, 3)),
    "orthogonal": lambda: parametrizations.orthogonal(nn.Linear(4, 3)),
    "two weights": lambda: parametrizations.weight_norm(parametrizations.spectral_norm(nn.Bilinear(4, 4, 3)), "bias"),
}
INPUTS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class Network(nn.Module):
    """The layer, by two names."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer, self.again = layer, layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inputs = (x, x) if isinstance(self.layer, nn.Bilinear) else (x,)
        outputs: torch.Tensor = self.layer(*inputs) + self.again(*inputs)
        return outputs


def saved_and_loaded(content: object) -> object:
    buffer = io.BytesIO()
    send(content, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


WAYS = {"saved and loaded": saved_and_loaded, "packed": lambda content: unpacked(packed(content))}


@pytest.mark.parametrize("arrived", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS.keys())
def test_a_parametrized_network_arrives_as_it_was(
    make: Callable[[], nn.Module], arrived: Callable[[object], object]
) -> None:
    network = Network(make()).eval()
    found = arrived(network)
    assert isinstance(found, Network) and found.layer is found.again
    assert torch.equal(found(INPUTS), network(INPUTS))
    ours, theirs = (dict(each.named_parameters()) for each in (network, found))
    assert [*ours] == [*theirs] and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(copy.deepcopy(found)(INPUTS), network(INPUTS))


def test_where_it_arrives_its_effective_weight_follows_its_parameters_and_can_be_made_plain() -> None:
    found = unpacked(packed(parametrizations.weight_norm(nn.Linear(4, 3))))
    assert isinstance(found, nn.Linear) and parametrize.is_parametrized(found)
    before = found.weight.detach().clone()
    with torch.no_grad():
        found.parametrizations.weight.original0.mul_(2)  # type: ignore[union-attr, operator]
    torch.testing.assert_close(found.weight.detach(), 2 * before)
    parametrize.remove_parametrizations(found, "weight")
    assert type(found) is nn.Linear and isinstance(found.weight, nn.Parameter)


def test_what_no_import_finds_is_not_saved_and_is_packed() -> None:
    network = nn.ReLU()
    network.change = lambda x: 2 * x  # type: ignore[assignment]
    with pytest.raises((pickle.PicklingError, AttributeError)):
        saved_and_loaded(network)
    found = unpacked(packed(network))
    assert isinstance(found, nn.ReLU) and found.change(3) == 6  # type: ignore[operator]

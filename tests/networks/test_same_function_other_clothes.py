"""Networks that compute one function in other clothes: what sees only the function has one value for all of them.

The plain network is a convolutional one with batch normalization, the others are the same wrapped, compiled, frozen,
with its weights computed from others, ... With the same parameters every measure has the same value. With others those
do that declare not to see how layers are scaled, and so see the function alone; the rest has a number or a reason.
"""

import copy
import dataclasses
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

from harness.calling.call import read
from harness.calling.reading import Reading
from harness.evaluation.measure_lookup import find_measures
from measures import Measure
from measures.folding import folded
from measures.trained_model import TrainedModel
from tests.builders.equivalent_networks import batch_norm_folding
from tests.builders.models import random_network
from tests.builders.odd_networks import odd_model
from tests.builders.odd_networks.plain import Calling, pre_activation_network

pytestmark = pytest.mark.slow

EXAMPLES = 20
Clothes = Callable[[nn.Module], nn.Module]


def wrapped(network: nn.Module) -> nn.Module:
    return Calling(lambda self, x: self.inner(x), inner=network)


def data_parallel(network: nn.Module) -> nn.Module:
    return nn.DataParallel(network)


def compiled(network: nn.Module) -> nn.Module:
    return torch.compile(network, backend="eager")  # type: ignore[return-value]


def compiled_in_place(network: nn.Module) -> nn.Module:
    network.compile(backend="eager")
    return network


def checkpointed(network: nn.Module) -> nn.Module:
    return Calling(lambda self, x: checkpoint(self.inner, x, use_reentrant=False), inner=network)


def checkpointed_reentrant(network: nn.Module) -> nn.Module:
    return Calling(lambda self, x: checkpoint(self.inner, x, use_reentrant=True), inner=network)


def body_without_gradient(network: nn.Module) -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        with torch.no_grad():
            h = self.body(x)
        return self.head(h)

    return Calling(forward, body=network[:-1], head=network[-1])


def body_detached(network: nn.Module) -> nn.Module:
    return Calling(lambda self, x: self.head(self.body(x).detach()), body=network[:-1], head=network[-1])


def body_in_inference_mode(network: nn.Module) -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        with torch.inference_mode():
            h = self.body(x)
        return self.head(h.clone())

    return Calling(forward, body=network[:-1], head=network[-1])


def keeps_its_outputs_and_draws(network: nn.Module) -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        torch.rand(1)
        self.outputs.append(self.inner(x))
        return self.outputs[-1]

    found = Calling(forward, inner=network)
    found.outputs = []
    return found


def frozen_parts(network: nn.Module) -> nn.Module:
    network[:4].requires_grad_(False)
    return network


def all_frozen(network: nn.Module) -> nn.Module:
    return network.requires_grad_(False)


def channels_last(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last)


def restored_input(network: nn.Module) -> nn.Module:
    """Takes something off its inputs, and adds it again, in place."""

    def forward(self: Calling, x: Tensor) -> Tensor:
        x -= 0.5
        x += 0.5
        return self.inner(x)

    return Calling(forward, inner=network)


def remembers_its_input(network: nn.Module) -> nn.Module:
    def forward(self: Calling, x: Tensor) -> Tensor:
        self.last = self.inner(x)
        return self.last

    return Calling(forward, inner=network)


def weight_normalized(network: nn.Module) -> nn.Module:
    _of_layers(network, parametrizations.weight_norm)
    return network


def weight_normalized_as_of_old(network: nn.Module) -> nn.Module:
    _of_layers(network, torch.nn.utils.weight_norm)
    return network


def pruned_of_nothing(network: nn.Module) -> nn.Module:
    _of_layers(network, lambda layer: prune.identity(layer, "weight"))
    return network


def hooked(network: nn.Module) -> nn.Module:
    """Hooks that double a layer's output, and halve it again."""
    layer = network[-1]
    layer.register_forward_hook(lambda module, received, returned: returned * 2)
    layer.register_forward_hook(lambda module, received, returned: returned / 2)
    return network


class Respelt(nn.Linear):
    """A linear layer that is one by another way."""

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T + self.bias


def respelt(network: nn.Module) -> nn.Module:
    old = network[-1]
    new = Respelt(old.in_features, old.out_features).to(old.weight.dtype)
    new.load_state_dict(old.state_dict())
    network[-1] = new
    return network


class ByFunction(nn.Module):
    """A layer as a module of two parameters that a function of torch applies."""

    def __init__(self, layer: nn.Linear | nn.Conv2d):
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.convolution = () if isinstance(layer, nn.Linear) else (layer.stride, layer.padding)

    def forward(self, x: Tensor) -> Tensor:
        apply = torch.conv2d if self.convolution else nn.functional.linear
        return apply(x, self.weight, self.bias, *self.convolution)


def by_functions(network: nn.Module) -> nn.Module:
    for name, layer in enumerate(network):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            network[name] = ByFunction(layer)
    return network


def _of_layers(network: nn.Module, change: Callable[[nn.Module], object]) -> None:
    for layer in [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]:
        change(layer)


SAME_PARAMETERS: tuple[Clothes, ...] = (
    wrapped,
    data_parallel,
    compiled,
    compiled_in_place,
    checkpointed,
    checkpointed_reentrant,
    body_without_gradient,
    body_detached,
    body_in_inference_mode,
    keeps_its_outputs_and_draws,
    frozen_parts,
    all_frozen,
    channels_last,
    restored_input,
    remembers_its_input,
    hooked,
    respelt,
    by_functions,
)
"""The same parameters too: every measure has one value for these."""

OTHER_PARAMETERS: tuple[Clothes, ...] = (weight_normalized, weight_normalized_as_of_old, pruned_of_nothing)


def dressed(trained: TrainedModel, clothes: Clothes) -> TrainedModel:
    """The model with its network, and the one before training, in these clothes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of clothes that are old on purpose
        model, init = (clothes(copy.deepcopy(network)).eval() for network in (trained.model, trained.init))
        model(trained.inputs[:2].clone())
    return dataclasses.replace(trained, model=model, init=init)


def readings(trained: TrainedModel) -> dict[Measure, Reading]:
    own = [measure for measure in find_measures(["all"]) if measure.origin.startswith("measures.")]
    return {measure: read(measure, trained) for measure in own if measure.cost == "fast"}


@pytest.fixture(scope="module")
def plain() -> dict[Measure, Reading]:
    return readings(random_network("convnet_bn", 3, num_train=EXAMPLES, size=4))


def differing(found: dict[Measure, Reading], plain: dict[Measure, Reading]) -> dict[str, tuple[object, object]]:
    """Measures with a value here and there, by name, whose two values differ."""
    return {
        measure.name: (reading.value, plain[measure].value)
        for measure, reading in found.items()
        if reading.value is not None
        and plain[measure].value is not None
        and reading.value != pytest.approx(plain[measure].value, rel=1e-5, abs=1e-12)
    }


def assert_no_errors(found: dict[Measure, Reading]) -> None:
    assert {measure.name: reading.reason for measure, reading in found.items() if reading.status == "error"} == {}


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("clothes", SAME_PARAMETERS, ids=lambda clothes: clothes.__name__)
def test_with_the_same_parameters_every_measure_has_the_same_value(clothes: Clothes, plain) -> None:
    found = readings(dressed(random_network("convnet_bn", 3, num_train=EXAMPLES, size=4), clothes))
    assert_no_errors(found)
    assert differing(found, plain) == {}
    lost = {m.name for m, reading in found.items() if plain[m].status == "value" and reading.status != "value"}
    assert lost <= {m.name for m in found if m.name.startswith("path_norm")}  # in place, paths are not followed


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("clothes", OTHER_PARAMETERS, ids=lambda clothes: clothes.__name__)
def test_with_other_parameters_what_sees_the_function_has_the_same_value(clothes: Clothes, plain) -> None:
    found = readings(dressed(random_network("convnet_bn", 3, num_train=EXAMPLES, size=4), clothes))
    assert_no_errors(found)
    of_function = {m: reading for m, reading in found.items() if "layer_rescaling" in m.invariant_to}
    assert len(of_function) > 50
    assert differing(of_function, plain).keys() <= {"parameter_count"}  # there are more of them


class Deep(nn.Module):
    """The same hidden layer three times: registered once, three times, or as three layers, with or without ties."""

    def __init__(self, seed: int, kind: str):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.enter, hidden, self.leave = nn.Linear(16, 5), nn.Linear(5, 5), nn.Linear(5, 3)
        layers = [copy.deepcopy(hidden) if kind in ("tied", "copied") else hidden for _ in range(3)]
        if kind == "tied":
            for layer in layers[1:]:
                layer.weight, layer.bias = layers[0].weight, layers[0].bias
        self.hidden = nn.ModuleList(layers[:1] if kind == "once" else layers)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.enter(x.flatten(1)))
        for number in range(3):
            x = torch.relu(self.hidden[number % len(self.hidden)](x))
        return self.leave(x)


def deep(kind: str) -> dict[Measure, Reading]:
    trained = random_network("mlp_1x4", 0, num_train=EXAMPLES, size=4)
    model, init = (Deep(seed, kind).double().eval() for seed in (3, 4))
    trained = dataclasses.replace(trained, model=model, init=init)
    return readings(dataclasses.replace(trained, labels=trained.logits.argmax(dim=1)))


@pytest.mark.slow
def test_a_layer_met_three_times_or_three_tied_layers_are_the_same_to_all_that_do_not_look_at_layers() -> None:
    once, thrice, tied, copied = (deep(kind) for kind in ("once", "thrice", "tied", "copied"))
    for found in (once, thrice, tied, copied):
        assert_no_errors(found)
    assert differing(thrice, once) == {}
    by_layer = {m.name for m, reading in once.items() if reading.status != "value"}  # a layer met twice is refused
    assert {name for name in differing(tied, once) if name not in by_layer} == set()
    of_function = {m: reading for m, reading in copied.items() if "layer_rescaling" in m.invariant_to}
    assert differing(of_function, once).keys() <= {"parameter_count", "layer_count"}


@pytest.mark.parametrize("change", [batch_norm_folding], ids=["batch_norm_folding"])
def test_with_batch_normalization_folded_what_declares_it_has_the_same_value(change, plain) -> None:
    found = readings(change(random_network("convnet_bn", 3, num_train=EXAMPLES, size=4), 0))
    assert_no_errors(found)
    declared = {m: reading for m, reading in found.items() if "batch_norm_folding" in m.invariant_to}
    assert len(declared) > 50
    assert differing(declared, plain) == {}


def test_layers_after_their_normalization_are_to_measures_of_layers_what_they_are_folded(monkeypatch) -> None:
    """Measures of features see the network's own, with the normalization's scale; they are not asked."""
    trained = odd_model(pre_activation_network)
    network, start = (folded(each, trained.inputs) for each in (trained.model.eval(), trained.init.eval()))
    found, expected = readings(trained), readings(dataclasses.replace(trained, model=network, init=start))
    assert_no_errors(found)
    declared = {m: reading for m, reading in found.items() if "batch_norm_folding" in m.invariant_to}
    of_features = differing(declared, expected)
    monkeypatch.setattr("measures.trained_model.weight_layers", lambda *given: ())
    without = readings(dataclasses.replace(trained))
    of_layers = {m for m in declared if without[m].status == "not_applicable" and found[m].status == "value"}
    assert len(of_layers) > 25
    assert of_features.keys() & {measure.name for measure in of_layers} == set()

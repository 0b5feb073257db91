"""The check of a network, and what is made of one that does not pass it, with copies and calls of any network."""

import copy
import dataclasses
import io
import random
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from harness.training.networks.building import build
from measures import NotApplicable
from measures.controls.parameter_count import parameter_count
from measures.controls.train_loss import train_loss
from measures.history import flat_state
from measures.networks.copying import copy_of, run_with
from measures.networks.network_check import checked
from measures.networks.plain_network import PlainNetwork, RefusedNetwork, as_given
from measures.norms.distance_from_init import distance_from_init
from measures.norms.l2_norm import l2_norm
from measures.quantities.flat_parameters import flat_parameters, initial_parameters
from measures.quantities.per_example import gradient_norms
from measures.spectral.spectral_norm import spectral_norm
from measures.trained_model import TrainedModel
from tests.builders.models import random_network
from tests.builders.odd_networks import forwards as odd
from tests.builders.odd_networks import odd_model
from tests.builders.odd_networks.functions import rounded_activations, rounded_weights
from tests.builders.odd_networks.layers import layer_twice, old_weight_norm, pruned, tied
from tests.builders.odd_networks.plain import CLASSES, Calling, mlp
from tests.builders.odd_networks.refused import layers_in_a_list, weight_of_no_module

FORWARDS_OF_A_CHECK = 5


def check(network: nn.Module, inputs: Tensor | None = None, labels: Tensor | None = None) -> nn.Module:
    inputs = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(0)) if inputs is None else inputs
    (found,) = checked((network,), inputs, torch.zeros(len(inputs), dtype=torch.int64) if labels is None else labels)
    return found


@pytest.mark.parametrize("name", ["mlp_2x5", "convnet", "convnet_bn", "alexnet_small", "inception_small"])
def test_a_network_of_the_zoo_is_used_as_it_is(name: str) -> None:
    network = build(name, (3, 16, 16), 10).eval()
    assert check(network, torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))) is network


def test_a_check_is_a_few_calls_on_a_few_examples() -> None:
    seen: list[int] = []

    def forward(self: Calling, x: Tensor) -> Tensor:
        seen.append(len(x))
        return self.body(x)

    check(Calling(forward, body=mlp()).eval(), torch.randn(1000, 1, 6, 6, generator=torch.Generator().manual_seed(0)))
    assert len(seen) <= FORWARDS_OF_A_CHECK
    assert max(seen) == 3


@pytest.mark.parametrize("make", [odd.counts_in_a_buffer, odd.keeps_its_features, odd.writes_into_its_input, pruned])
def test_a_check_leaves_everything_as_it_was(make: Callable[[], nn.Module]) -> None:
    network = make().eval()
    inputs = torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    before, state, modules = inputs.clone(), copy_of(network).state_dict(), [{**m.__dict__} for m in network.modules()]
    streams = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    check(network, inputs)
    assert torch.equal(inputs, before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert [module.__dict__ for module in network.modules()] == modules
    assert torch.equal(torch.get_rng_state(), streams[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == streams[1:]
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_network_checked_twice_is_wrapped_once() -> None:
    trained = odd_model(odd.autocast)
    again = dataclasses.replace(trained, seed=1)
    assert isinstance(again.model, PlainNetwork)
    assert as_given(again.model) is as_given(trained.model)
    assert again.model.given[0] is as_given(trained.model)


@pytest.mark.parametrize("wrap", [nn.DataParallel, torch.optim.swa_utils.AveragedModel])
def test_what_torch_wraps_around_a_network_is_taken_off(wrap: Callable[[nn.Module], nn.Module]) -> None:
    network = wrap(wrap(mlp()))
    assert type(as_given(network)) is nn.Sequential
    assert as_given(torch.compile(mlp(), backend="eager")).__class__ is nn.Sequential


def test_a_plain_network_has_the_names_and_the_parameters_of_the_one_given() -> None:
    trained = odd_model(odd.probe_without_gradient)
    given = as_given(trained.model)
    assert isinstance(trained.model, PlainNetwork)
    assert [name for name, _ in trained.model.named_modules()] == [name for name, _ in given.named_modules()]
    pairs = zip(trained.model.named_parameters(), given.named_parameters(), strict=True)
    assert all(one[0] == other[0] and one[1] is other[1] for one, other in pairs)


@pytest.mark.parametrize("make", [odd.probe_without_gradient, odd.recurrent, odd.transformer, pruned])
def test_a_copy_of_a_plain_network_is_one_and_shares_nothing(make: Callable[[], nn.Module]) -> None:
    trained = odd_model(make)
    copied = copy_of(trained.model)
    assert isinstance(copied, PlainNetwork)
    torch.testing.assert_close(copied(trained.inputs), trained.model(trained.inputs))
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.zero_()
    assert flat_state(trained.model).abs().sum() > 0


def test_a_plain_or_refused_network_survives_a_file() -> None:
    network = nn.Sequential(nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(36, 2)).eval()
    for role in (check(network), check(nn.Sequential(network, nn.Softmax(dim=0)).eval())):
        buffer = io.BytesIO()
        torch.save(role, buffer)
        buffer.seek(0)
        found = torch.load(buffer, weights_only=False)
        assert isinstance(found, PlainNetwork) == isinstance(role, PlainNetwork)
        assert isinstance(found, RefusedNetwork) == isinstance(role, RefusedNetwork)
        assert torch.equal(flat_state(found), flat_state(role))


@pytest.mark.parametrize("make", [pruned, old_weight_norm, odd.keeps_its_features])
def test_a_network_that_keeps_a_computed_tensor_is_copied(make: Callable[[], nn.Module]) -> None:
    network = as_given(odd_model(make).model)
    network(torch.zeros(2, 1, 6, 6, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(network)
    x = torch.randn(3, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(copy_of(network)(x), network(x))


def test_what_cannot_be_copied_is_shared() -> None:
    network = mlp()
    network.lines, network.lock = (line for line in "ab"), threading.Lock()
    copied = copy_of(network)
    assert (copied.lines, copied.lock) == (network.lines, network.lock)
    assert copied[1].weight is not network[1].weight
    assert torch.equal(copied[1].weight, network[1].weight)


def test_a_network_that_refuses_to_be_copied_is_said() -> None:
    class Unique(nn.Module):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise TypeError("there is only one")

    with pytest.raises(NotApplicable, match="the network cannot be copied: there is only one"):
        copy_of(nn.Sequential(Unique()))


@pytest.mark.parametrize("make", [tied, layer_twice])
def test_a_shared_weight_is_replaced_everywhere_and_put_back(make: Callable[[], nn.Module]) -> None:
    network = make().double()
    x = torch.randn(3, 1, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    before = {name: parameter for name, parameter in network.named_parameters(remove_duplicate=False)}
    halved = {name: parameter.detach() / 2 for name, parameter in network.named_parameters()}
    found = run_with(network, halved, x)
    assert all(parameter is before[name] for name, parameter in network.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter /= 2
    assert torch.equal(found, network(x))


def test_a_network_before_training_that_never_ran_is_refused_where_it_is_needed() -> None:
    trained = random_network("mlp_1x4", 0)
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.ReLU(), nn.Linear(4, 3)).double()
    odd_start = TrainedModel(trained.model, lazy, trained.inputs, trained.labels, 3, trained.history)
    assert torch.equal(odd_start.logits, trained.logits)
    with pytest.raises(NotApplicable, match=r"parameter '1.weight' has no shape yet: the network was never run"):
        odd_start.init(trained.inputs)


@pytest.mark.parametrize(
    ("inputs", "labels", "sentence"),
    [
        (torch.zeros(4, 1, 6, 6, dtype=torch.int64), torch.zeros(4), "the inputs are int64"),
        (torch.zeros(4, 1, 6, 6), torch.arange(4), "the labels go up to 3; the network returns 3 logits"),
        (torch.zeros(4, 1, 5, 5), torch.zeros(4), "the network does not run on its training inputs: "),
    ],
)
def test_data_that_do_not_fit_the_network_are_said(inputs: Tensor, labels: Tensor, sentence: str) -> None:
    found = check(mlp().eval(), inputs, labels)
    assert isinstance(found, RefusedNetwork)
    assert found.reason.startswith(sentence)


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
def test_a_network_that_diverged_says_so_in_every_measure_that_reads_it_or_its_weights(number: float) -> None:
    trained = random_network("mlp_1x4", 0)
    diverged = copy.deepcopy(trained.model)
    with torch.no_grad():
        diverged[1].weight[2, 3] = number
    after, start = dataclasses.replace(trained, model=diverged), dataclasses.replace(trained, init=diverged)
    for measure in (l2_norm, parameter_count, spectral_norm, train_loss):
        with pytest.raises(NotApplicable, match=r"^parameter '1.weight' has numbers that are not finite: training"):
            measure(after)
    for measure in (l2_norm, parameter_count, train_loss):
        assert measure(start) == measure(trained)
    for odd_one in (after, start):
        with pytest.raises(NotApplicable, match=r"^parameter '1.weight' has numbers that are not finite: training"):
            distance_from_init(odd_one)
        with pytest.raises(NotApplicable, match=r"^parameter '1.weight' has numbers that are not finite: training"):
            initial_parameters(odd_one)
            flat_parameters(odd_one.model)


def test_memory_that_runs_out_is_not_a_reason() -> None:
    def forward(self: Calling, x: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("none left")

    with pytest.raises(torch.OutOfMemoryError):
        check(Calling(forward, body=mlp()).eval())


@pytest.mark.parametrize(
    "make", [odd.tokens_after_batch_norm, odd.tokens_after_instance_norm, odd.tokens_after_the_function]
)
def test_the_derivative_of_one_example_alone_is_that_of_it_among_others_after_normalization_too(
    make: Callable[[], nn.Module],
) -> None:
    """Torch takes the order in memory of what comes back for that of what was received, where there is one example."""
    trained = odd_model(make)
    assert isinstance(trained.model, PlainNetwork)

    def gradient(examples: Tensor) -> Tensor:
        x = examples.clone().requires_grad_()
        return torch.autograd.grad(trained.model(x)[0].square().sum(), x)[0][0]

    torch.testing.assert_close(gradient(trained.inputs[:1]), gradient(trained.inputs[:4]))
    assert trained.model(trained.inputs).equal(trained.model.given[0](trained.inputs))
    alone = torch.cat([gradient_norms(trained.model, x, y) for x, y in zip(*pairs_of(trained), strict=True)])
    torch.testing.assert_close(alone, gradient_norms(trained.model, trained.inputs, trained.labels))


def pairs_of(trained: TrainedModel) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Each example by itself."""
    return trained.inputs.split(1), trained.labels.split(1)


def test_a_network_with_batch_normalization_and_no_change_of_order_is_used_as_it_is() -> None:
    trained = odd_model(
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.InstanceNorm2d(4), nn.Flatten(), nn.Linear(64, 3)
        )
    )
    assert not isinstance(trained.model, PlainNetwork)


def asking_buffer() -> nn.Module:
    network = Calling(lambda self, x: self.body(x) + self.shift, body=mlp())
    network.register_buffer("shift", torch.zeros(CLASSES, dtype=torch.float64, requires_grad=True))
    return network


@pytest.mark.parametrize("make", [layers_in_a_list, weight_of_no_module, asking_buffer], ids=lambda make: make.__name__)
def test_a_weight_that_is_no_parameter_is_said(make: Callable[[], nn.Module]) -> None:
    with pytest.raises(
        NotApplicable, match=r"on a tensor \(.*\) that asks for a gradient and is none of its parameters"
    ):
        odd_model(make).logits  # noqa: B018


def test_a_weight_that_nothing_asks_a_gradient_of_is_a_constant() -> None:
    matrix = torch.randn(36, 8, dtype=torch.float64)
    trained = odd_model(lambda: Calling(lambda self, x: self.head(x.flatten(1) @ matrix), head=nn.Linear(8, CLASSES)))
    assert type(trained.model) is Calling


def closed_over(network: nn.Sequential) -> nn.Sequential:
    layer = network[1]
    layer.forward = lambda x: x @ layer.weight.T
    return network


def by_default(network: nn.Sequential) -> nn.Sequential:
    network[1].forward = lambda x, layer=network[1]: x @ layer.weight.T
    return network


def hooked(network: nn.Sequential) -> nn.Sequential:
    weight = network[1].weight
    network[3].register_forward_hook(lambda layer, received, returned: returned * weight.sum())
    return network


def recursive(network: nn.Sequential) -> nn.Sequential:
    """Closes over a name that is filled later, and never."""
    layer = network[1]

    def forward(x: Tensor) -> Tensor:
        return x @ layer.weight.T if len(x) else later

    network[1].forward = forward
    if len(network) > 100:
        later = network
    return network


def test_a_copy_of_a_plain_network_has_a_forward_of_its_own() -> None:
    network = mlp()
    first, last = network[1], network[-1]
    network.forward = lambda x: last(first(x.flatten(1)).relu()).detach()
    twin = copy_of(check(network))
    assert isinstance(twin, PlainNetwork)
    before = network(x := torch.randn(2, 1, 6, 6))
    nn.init.zeros_(twin[1].weight)
    assert not torch.equal(twin(x), before)
    assert torch.equal(network(x), before)


@pytest.mark.parametrize("change", [closed_over, by_default, hooked, recursive], ids=lambda change: change.__name__)
def test_a_function_that_a_network_holds_means_the_copy_in_a_copy(change) -> None:
    network, x = change(mlp()), torch.randn(2, 1, 6, 6)
    before, twin = network(x), copy_of(network)
    assert torch.equal(twin(x), before)
    nn.init.zeros_(twin[1].weight)
    assert not torch.equal(twin(x), before)
    assert torch.equal(network(x), before)


@pytest.mark.parametrize("make", [rounded_weights, rounded_activations], ids=lambda make: make.__name__)
def test_what_is_detached_to_have_a_gradient_through_rounding_keeps_that_gradient(make: Callable) -> None:
    trained, network = odd_model(make), as_given(odd_model(make).model)
    expected = []
    for x, y in zip(trained.inputs, trained.labels, strict=True):
        loss = nn.functional.cross_entropy(network(x[None]), y[None])
        gradients = torch.autograd.grad(loss, [*network.parameters()])
        expected.append(torch.cat([gradient.flatten() for gradient in gradients]).norm())
    assert (torch.stack(expected) > 0).all()
    torch.testing.assert_close(gradient_norms(trained.model, trained.inputs, trained.labels), torch.stack(expected))


HELD: dict[str, Callable[[Tensor], Callable[[int], Tensor]]] = {
    "in a list": lambda weight: [weight].copy().__getitem__,
    "in a function": lambda weight: lambda _: weight,
}


@pytest.mark.parametrize("held", HELD)
def test_a_parameter_that_is_used_by_another_reference_is_said(held: str) -> None:
    """What puts others in the place of parameters would not reach it: its gradient would be zero."""
    network = Calling(lambda self, x: nn.functional.linear(x.flatten(1), self.kept(0)), body=nn.Linear(36, CLASSES))
    network.__dict__["kept"] = HELD[held](network.body.weight)
    found = check(network)
    assert isinstance(found, RefusedNetwork) and "its parameter 'body.weight' by a reference of its own" in found.reason

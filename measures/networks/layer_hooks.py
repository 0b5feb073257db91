"""What a network's layers receive and return while it runs: the only place where hooks are put on a network.

Hooks stand for one `with` block and are gone after it, whatever is raised inside. Applications come in the order in
which the network makes them; a layer that is applied twice is seen twice.
"""

import contextlib
import dataclasses
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from measures.errors import NotApplicable
from measures.networks.copying import run_with

MATRIX_PRODUCTS = (
    "Mm",
    "Bmm",
    "Mv",
    "Addmm",
    "Addbmm",
    "Baddbmm",
    "Addmv",
    "Dot",
    "Linear",
    "Convolution",
    "Trilinear",
)
"""Operations that multiply by a matrix, as the names begin that autograd gives them."""

TRIED = (1, 2, 7)  # numbers of examples of which it is seen whether layers receive as many rows

LayerType = TypeVar("LayerType", bound=nn.Module)


@dataclasses.dataclass(frozen=True, eq=False)
class Application(Generic[LayerType]):
    """One application of a layer: what it received and what it returned, (m, ...) each, with their gradient graph.

    `options`: whether it was called with anything else.
    """

    layer: LayerType
    received: Tensor
    returned: Tensor
    options: bool = False


def linear_and_convolutional(network: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    """The network's Linear and Conv2d layers, in the order in which they were registered."""
    return [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


@contextlib.contextmanager
def before_layers(layers: Iterable[nn.Module], see: Callable[[Tensor], Tensor | None]) -> Iterator[None]:
    """Within the block `see` is called with what a layer is about to receive; a tensor it returns is received instead.

    It looks before the layer works: an nn.ReLU in place has not yet changed what it received.
    """

    def hook(layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any] | None:
        changed = see(_input(layer, arguments, named))
        if changed is None:
            return None
        if arguments:
            return (changed, *arguments[1:]), named
        return arguments, named | {_name_of_input(layer, named): changed}

    with _attached([layer.register_forward_pre_hook(hook, prepend=True, with_kwargs=True) for layer in layers]):
        yield


@contextlib.contextmanager
def after_layers(
    layers: Iterable[LayerType], see: Callable[[LayerType, Tensor, Tensor], Tensor | None]
) -> Iterator[None]:
    """Within the block `see` is called with a layer, what it received and what it returned.

    A tensor that `see` returns is passed on instead.
    """

    with _attached(_hooks_after(layers, lambda layer, received, returned, options: see(layer, received, returned))):
        yield


def _hooks_after(
    layers: Iterable[LayerType], see: Callable[[LayerType, Tensor, Tensor, bool], Tensor | None]
) -> list[RemovableHandle]:
    def hook(layer: LayerType, arguments: tuple[Any, ...], named: dict[str, Any], returned: Tensor) -> Tensor | None:
        return see(layer, _input(layer, arguments, named), returned, len(arguments) + len(named) > 1)

    return [layer.register_forward_hook(hook, with_kwargs=True) for layer in layers]


def _input(layer: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> Tensor:
    """What the layer works on: its first argument, by its place or by its name."""
    received: Tensor = arguments[0] if arguments else named[_name_of_input(layer, named)]
    return received


def _name_of_input(layer: nn.Module, named: dict[str, Any]) -> str:
    expected = (name for name in inspect.signature(layer.forward).parameters if name in named)
    return next(expected, next(iter(named)))


def recorded_run(
    network: Callable[[Tensor], Tensor], layers: Sequence[LayerType], inputs: Tensor
) -> tuple[Tensor, list[Application[LayerType]]]:
    """The network's outputs for these inputs, and the applications of `layers` on the way, in order.

    What is recorded stays as the layer returned it: the network goes on with a copy, so that a next layer that works
    in place does not change the record.
    """
    applications: list[Application[LayerType]] = []

    def record(layer: LayerType, received: Tensor, returned: Tensor, options: bool) -> Tensor:
        applications.append(Application(layer, received, returned, options))
        return returned.clone()

    with _attached(_hooks_after(layers, record)):
        outputs = network(inputs)
    return outputs, applications


def cut_off(returned: Tensor) -> Tensor:
    """What a layer returned, as a value that autograd knows no history of, with a gradient."""
    with torch._C.DisableTorchFunction():  # a network that is run plainly may be run through its `detach`
        return returned.detach().clone().requires_grad_()


def operations_of(value: Tensor) -> set[str]:
    """Names of the operations by which autograd recorded that the value was computed, as `MmBackward0`."""
    return {node.name() for node in _recorded(value)}


def leaves_of(value: Tensor) -> list[Tensor]:
    """The tensors that ask for a gradient and from which autograd recorded that the value was computed."""
    return [node.variable for node in _recorded(value) if hasattr(node, "variable")]


def _recorded(value: Tensor) -> set[Any]:
    """The nodes of autograd's graph of the value."""
    pending: list[Any] = [] if value.grad_fn is None else [value.grad_fn]
    seen = set(pending)
    while pending:
        new = {before for before, _ in pending.pop().next_functions if before is not None} - seen
        seen |= new
        pending += new
    return seen


def to_constants(network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor) -> list[bool]:
    """For each application of the layers, in order: is it to a constant of the network's, and to nothing of an example?

    So are layers that make biases of positions. What such a layer receives has no gradient with respect to the inputs,
    and is the same for the first two examples.
    """
    ours = _applications_from(network, layers, inputs[:1])
    found = [not application.received.requires_grad for application in ours]
    if not any(found):
        return found
    with torch.no_grad():
        unlike = (inputs != inputs[:1]).flatten(1).any(dim=1).nonzero()[:1, 0]
        _, others = recorded_run(network, layers, inputs[unlike] if len(unlike) else inputs[:1] + 1)
    if len(others) != len(ours):
        return [False] * len(ours)
    return [
        constant and torch.equal(one.received, other.received)
        for constant, one, other in zip(found, ours, others, strict=True)
    ]


def _applications_from(network: nn.Module, layers: Sequence[LayerType], inputs: Tensor) -> list[Application[LayerType]]:
    """What was received and returned, with a gradient where it comes of the inputs and none where of weights alone."""
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    try:
        with torch.enable_grad():
            x = inputs.detach().clone()
            x.requires_grad_(x.is_floating_point())
            return recorded_run(lambda x: run_with(network, weights, x), layers, x)[1]
    except NotApplicable:  # a network without a gradient at its inputs
        with torch.no_grad():
            return recorded_run(network, layers, inputs)[1]


def examples_a_pass(network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor, most: int) -> int:
    """How many examples to run at a time so that what layers receive can be told apart by example.

    `most`, where every layer receives one row an example; else 1, where all that a layer receives is that example's.
    Raises NotApplicable where none of the layers is called.
    """
    return 1 if _layer_without_rows(network, layers, inputs) else most


def require_rows(network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor) -> None:
    """Raises NotApplicable unless every layer receives one row an example, and one of them is called."""
    if not layers:
        raise NotApplicable("the network applies no Linear and no Conv2d layer")
    if name := _layer_without_rows(network, layers, inputs):
        raise NotApplicable(
            f"layer {name!r} receives rows that are not examples: what it receives is not one vector each"
        )


def require_rows_together(network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor) -> None:
    """Raises NotApplicable unless what layers receive is one example's after the other's, each in as many rows."""
    few = inputs[: TRIED[-1]]
    with torch.no_grad():
        together, alone = (recorded_run(network, layers, some)[1] for some in (few, inputs[:1]))
    names = {module: name for name, module in network.named_modules() if module in layers}
    for one, of_first in itertools.zip_longest(together, alone):
        if one is None or of_first is None or one.received.numel() != len(few) * of_first.received.numel():
            raise NotApplicable("the network applies other layers to some examples: what they receive is not known")
        first = one.received.reshape(len(few), -1)[0]
        if not torch.allclose(first, of_first.received.flatten(), rtol=1e-3, atol=1e-5):
            raise NotApplicable(f"layer {names[one.layer]!r} receives rows among which those of an example are apart")


def by_example(received: Tensor, examples: int) -> Tensor:
    """What a layer received when so many examples were run (`examples_a_pass`), (examples, width)."""
    if examples > 1 and len(received) != examples:
        raise NotApplicable(
            f"a layer receives {len(received)} rows of {examples} examples: it is applied to some of them"
        )
    return received.reshape(1, -1) if examples == 1 else received.flatten(1)


def _layer_without_rows(network: nn.Module, layers: Sequence[nn.Module], inputs: Tensor) -> str:
    """The first layer that receives more rows than examples, or fewer; empty where there is none."""
    names = {module: name for name, module in network.named_modules() if module in layers}
    for count in TRIED:
        few = inputs[:count]
        with torch.no_grad():
            _, applications = recorded_run(network, layers, few)
        if layers and not applications:
            raise NotApplicable(f"layer {names[layers[0]]!r} is never called, nor any other of its kind")
        for application in applications:
            if not application.received.ndim or len(application.received) != len(few):
                return names[application.layer] or "the network"
    return ""


@contextlib.contextmanager
def _attached(hooks: list[RemovableHandle]) -> Iterator[None]:
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()

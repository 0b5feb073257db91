"""What layers receive for each example, whatever the network does to the order and shape of examples on the way."""

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.networks.copying import copy_of
from measures.networks.effective_layers import with_plain_layers
from measures.networks.functional_layers import may_have_functional_layers, with_functions_as_layers
from measures.networks.layer_hooks import (
    MATRIX_PRODUCTS,
    after_layers,
    before_layers,
    cut_off,
    operations_of,
    to_constants,
)
from measures.networks.one_dimensional import has_sequence_layers, with_sequences_as_images
from measures.weight_layers import OF_NO_LAYER, check_layers_are_seen, loose_matrices

CHUNK = 256  # examples a forward pass
LARGEST_MAP = 4  # height and width to which larger feature maps are averaged


def received_by_layers(
    model: nn.Module, inputs: Tensor, kinds: tuple[type[nn.Module], ...], largest_map: int = LARGEST_MAP
) -> tuple[Tensor, ...]:
    """What each application of a layer of these kinds receives, in order, (m, width) each; larger maps are averaged.

    Left out is an application to a constant of the network's, as of a layer that makes biases of positions.
    """
    chunk: list[Tensor] = []

    def note(received: Tensor) -> None:
        chunk.append(_averaged(received.detach(), largest_map).clone())  # what comes later may work in place

    model = with_layers_known(model, inputs)
    layers = [module for module in model.modules() if isinstance(module, kinds)]
    kept = [not constant for constant in to_constants(model, layers, inputs)]
    chunks = []
    with before_layers(layers, note), torch.no_grad():
        for x in inputs.split(CHUNK):
            chunk.clear()
            model(x[:1])
            alone = [*chunk]
            chunk.clear()
            model(x)
            if not len(chunk) == len(alone) == len(kept):
                raise NotApplicable("the network applies other layers to some examples: what they receive is not known")
            pairs = itertools.compress(zip(chunk, alone, strict=True), kept)
            chunks.append([examples_first(received, one, len(x)).flatten(1) for received, one in pairs])
    return tuple(torch.cat(pieces) for pieces in zip(*chunks, strict=True))


def with_layers_seen(model: nn.Module, inputs: Tensor) -> nn.Module:
    """The model, or one of the same function with modules for functional layers and for those of attention, so that
    hooks see every layer.

    Raises NotApplicable where an example meets other weights: check_layers_are_seen.
    """
    model = with_layers_known(model, inputs)
    check_layers_are_seen(model, inputs[:1])
    if any(isinstance(module, nn.MultiheadAttention) for module in model.modules()):
        return with_plain_layers(copy_of(model).eval(), inputs[:1])
    return model


def with_layers_known(model: nn.Module, inputs: Tensor) -> nn.Module:
    """The model, or one of the same function with modules for its functional layers, and Conv2d layers for Conv1d."""
    if has_sequence_layers(model) or may_have_functional_layers(model, inputs[:1]):
        model = with_functions_as_layers(copy_of(model).eval(), inputs[:1])
        if has_sequence_layers(model):
            model = with_sequences_as_images(with_plain_layers(model, inputs[:1]))
    return model


def check_last(model: nn.Module, kinds: tuple[type[nn.Module], ...], inputs: Tensor) -> None:
    """NotApplicable where a matrix of no layer works after all layers of these kinds, and so is the head."""
    model = with_layers_known(model, inputs)
    if not loose_matrices(model):
        _check_last_by_operations(model, kinds, inputs)
        return
    network = copy_of(model).eval().requires_grad_()
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    loose = {name: parameter for name, parameter in network.named_parameters() if name in loose_matrices(network)}

    with after_layers(layers, lambda layer, received, returned: cut_off(returned).clone()), torch.enable_grad():
        logits = network(inputs[:1])
        gradients = torch.autograd.grad(logits.sum(), [*loose.values()], allow_unused=True)
    if after := [name for name, gradient in zip(loose, gradients, strict=True) if gradient is not None]:
        raise NotApplicable(f"parameter {after[0]!r} {OF_NO_LAYER}, and works after the last of them")


def _check_last_by_operations(model: nn.Module, kinds: tuple[type[nn.Module], ...], inputs: Tensor) -> None:
    """The same of matrices that are no parameters: fixed ones, and those of other kinds of layers."""
    layers = [module for module in model.modules() if isinstance(module, kinds)]
    with after_layers(layers, lambda layer, received, returned: cut_off(returned).clone()), torch.enable_grad():
        operations = operations_of(model(inputs[:1]))
    if any(operation.startswith(MATRIX_PRODUCTS) for operation in operations):
        raise NotApplicable(
            "the network multiplies by a matrix of no Linear or Conv2d after the last of them: what that receives is "
            "not known"
        )


def examples_first(received: Tensor, alone: Tensor, count: int) -> Tensor:
    """What a layer receives for `count` examples, (count, ...), from what it receives `alone` for the first of them.

    A network may have the sequence first, (T, count, width), or fold it into the examples, (count * T, width). Raises
    NotApplicable where the values of the first example are not found.
    """
    if len(alone) == 1 and received.shape == (count, *alone.shape[1:]):
        return received
    if received.shape == (len(alone) * count, *alone.shape[1:]):
        rows = received.unflatten(0, (count, len(alone)))
        candidates = [rows, received.unflatten(0, (len(alone), count)).transpose(0, 1)]
    else:
        candidates = [received.transpose(0, 1)] if received.ndim > 1 and received.shape[1] == count else []
    for found in candidates:
        if found[0].numel() == alone.numel() and torch.allclose(found[0].flatten(), alone.flatten(), 1e-3, 1e-5):
            return found
    raise NotApplicable(
        f"a layer receives {tuple(received.shape)} values for {count} examples and {tuple(alone.shape)} for one: "
        "those of an example are not known"
    )


def _averaged(received: Tensor, largest_map: int) -> Tensor:
    if received.ndim == 4 and max(received.shape[2:]) > largest_map:
        height, width = (min(size, largest_map) for size in received.shape[2:])
        return F.adaptive_avg_pool2d(received, (height, width))
    return received

"""Whether a network's weight layers are a chain: each receives a function of what the one before returned, no more.

Bounds by products of norms are proved for chains. With a skip connection, branches, or attention, which multiplies what
layers returned, the product bounds nothing; nor does it where a normalization of each example, or a softmax, stands in
between, since these have no Lipschitz constant.
"""

import dataclasses
import itertools

import torch
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.folding import folded
from measures.networks.copying import first_line
from measures.networks.layer_hooks import MATRIX_PRODUCTS, after_layers, cut_off, operations_of
from measures.once_per_model import once_per_model
from measures.trained_model import FEW, TrainedModel

BETWEEN = {"NativeLayerNorm": "a layer normalization", "NativeGroupNorm": "a group normalization"}
BETWEEN |= dict.fromkeys(("NativeBatchNorm", "CudnnBatchNorm"), "a normalization of each example")
BETWEEN |= {"Softmax": "a softmax", "ScaledDotProduct": "attention", "Glu": "a gate"}
BETWEEN |= {"Mul": "a multiplication", "Div": "a division", "Pow": "a power"}  # a factor that belongs to no layer
BETWEEN |= dict.fromkeys(MATRIX_PRODUCTS, "a product with a matrix")
BETWEEN |= dict.fromkeys(("ExpBackward", "Expm1", "Sinh", "Cosh", "TanBackward"), "a function")
BETWEEN |= dict.fromkeys(("LogBackward", "Sqrt", "Rsqrt", "Reciprocal", "Prod", "Cumprod", "Var"), "a function")
INPUT, LOGITS = "the input", "the logits"


@dataclasses.dataclass(frozen=True)
class _Steps:
    """What autograd sees from one weight layer to the next: `sources`, and the operations on the way from them."""

    sources: dict[str, tuple[str, ...]]
    operations: frozenset[str]


def sources(trained: TrainedModel) -> dict[str, tuple[str, ...]]:
    """For each weight layer by its name, and for LOGITS: from what it is computed without another layer in between.

    Names of layers, in the order of application, and INPUT. As autograd sees it. Raises NotApplicable like
    TrainedModel.layers.
    """
    return _steps(trained).sources


@once_per_model
def _steps(trained: TrainedModel) -> _Steps:
    network = folded(trained.model, trained.inputs[:FEW]).requires_grad_(False)  # what is recorded is of the example
    names = {network.get_submodule(layer.name): layer.name for layer in trained.layers}
    with torch.enable_grad():
        x = trained.inputs[:1].detach().clone().requires_grad_()
        leaves: dict[str, Tensor] = {INPUT: x}
        found: dict[str, tuple[str, ...]] = {}
        operations: set[str] = set()

        def cut(layer: nn.Module, received: Tensor, returned: Tensor) -> Tensor:
            found[names[layer]] = _sources_of(received, leaves)
            operations.update(operations_of(received))
            leaves[names[layer]] = cut_off(returned)
            return leaves[names[layer]].clone()  # what comes next may work in place

        try:
            with after_layers(list(names), cut):
                logits = network(x)
        except RuntimeError as cause:  # a network that differentiates its own layers, say
            raise NotApplicable(f"from what layers are computed is not known: {first_line(cause)}") from cause
    return _Steps(found | {LOGITS: _sources_of(logits, leaves)}, frozenset(operations | operations_of(logits)))


@once_per_model
def check_chain(trained: TrainedModel, last: int | None = None) -> None:
    """NotApplicable unless the weight layers, or the `last` few of them, form a chain that ends with the logits."""
    found = sources(trained)
    names = [layer.name for layer in trained.layers]
    chain = [INPUT, *names, LOGITS] if last is None else [*names[-last:], LOGITS]
    for before, after in itertools.pairwise(chain):
        if (given := found[after]) != (before,):
            what = "the logits depend" if after == LOGITS else f"what layer {after!r} receives depends"
            raise NotApplicable(
                f"the layers are not a chain: {what} on {_listed(given)}, not on {_listed((before,))} alone"
            )
    if last is None and (between := _between(trained)):
        raise NotApplicable(f"the network has {between} without a Lipschitz constant: products of norms bound nothing")


@torch.enable_grad()
def _sources_of(value: Tensor, leaves: dict[str, Tensor]) -> tuple[str, ...]:
    if not value.requires_grad:
        return ()
    gradients = torch.autograd.grad(value.sum(), list(leaves.values()), allow_unused=True, retain_graph=True)
    return tuple(name for name, gradient in zip(leaves, gradients, strict=True) if gradient is not None)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(name if name == INPUT else f"layer {name!r}" for name in names) or "no layer"


def _between(trained: TrainedModel) -> str | None:
    """What the network has between its weight layers that BETWEEN lists."""
    operations = sorted(_steps(trained).operations)
    return next((what for kind, what in BETWEEN.items() for one in operations if one.startswith(kind)), None)

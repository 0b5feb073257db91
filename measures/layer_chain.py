"""Whether a network's weight layers are a chain: each receives a function of what the one before returned, no more.

Bounds by products of norms are proved for chains. With a skip connection, branches, or attention, which multiplies what
layers returned, the product bounds nothing; nor does it where a normalization of each example, or a softmax, stands in
between, since these have no Lipschitz constant.
"""

import itertools

import torch
from torch import Tensor, nn

from measures.copying import first_line
from measures.errors import NotApplicable
from measures.folding import folded
from measures.layer_hooks import after_layers
from measures.once_per_model import once_per_model
from measures.trained_model import FEW, TrainedModel

BETWEEN = {"NativeLayerNorm": "a layer normalization", "NativeGroupNorm": "a group normalization"}
BETWEEN |= {"Softmax": "a softmax", "ScaledDotProduct": "attention"}
BETWEEN |= {"Mul": "a multiplication", "Div": "a division", "Pow": "a power"}  # a factor that belongs to no layer
INPUT, LOGITS = "the input", "the logits"


@once_per_model
def sources(trained: TrainedModel) -> dict[str, tuple[str, ...]]:
    """For each weight layer by its name, and for LOGITS: from what it is computed without another layer in between.

    Names of layers, in the order of application, and INPUT. As autograd sees it. Raises NotApplicable like
    TrainedModel.layers.
    """
    network = folded(trained.model, trained.inputs[:FEW])
    names = {network.get_submodule(layer.name): layer.name for layer in trained.layers}
    with torch.enable_grad():
        x = trained.inputs[:1].detach().clone().requires_grad_()
        leaves: dict[str, Tensor] = {INPUT: x}
        found: dict[str, tuple[str, ...]] = {}

        def cut(layer: nn.Module, received: Tensor, returned: Tensor) -> Tensor:
            found[names[layer]] = _sources_of(received, leaves)
            with torch._C.DisableTorchFunction():  # a network that is run plainly may be run through its `detach`
                leaves[names[layer]] = returned.detach().clone().requires_grad_()
            return leaves[names[layer]].clone()  # what comes next may work in place

        try:
            with after_layers(list(names), cut):
                logits = network(x)
        except RuntimeError as cause:  # a network that differentiates its own layers, say
            raise NotApplicable(f"from what layers are computed is not known: {first_line(cause)}") from cause
    return found | {LOGITS: _sources_of(logits, leaves)}


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
    """What the network has that BETWEEN lists, by what autograd recorded."""
    with torch.enable_grad():
        x = trained.inputs[:1].detach().clone().requires_grad_()
        pending = [folded(trained.model, trained.inputs[:FEW])(x).grad_fn]
    seen = set(pending)
    while pending:
        node = pending.pop()
        for kind, name in BETWEEN.items():
            if node.name().startswith(kind):
                return name
        new = {before for before, _ in node.next_functions if before is not None} - seen
        seen |= new
        pending += new
    return None

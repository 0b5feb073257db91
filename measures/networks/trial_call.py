"""A few calls of a network on a few examples: whether outputs are logits, the same every time, with a gradient, and an
example's own."""

import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from measures.networks.copying import first_line, run_with
from measures.networks.layer_hooks import leaves_of
from measures.networks.plain_network import made_plain

KNOWN_DTYPES = (torch.float32, torch.float64)
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-7}  # of the largest logit; kernels differ with the size of a batch


class Trial(NamedTuple):
    """Why the network is refused, why its outputs have no gradient at its inputs, and by which parameters they have
    none; each empty if it is not so."""

    reason: str
    no_input_gradient: str = ""
    no_gradient_by: dict[str, str] = {}  # noqa: RUF012  (never written to)


def trial_of(usable: nn.Module, network: nn.Module, examples: Tensor, label: int) -> Trial:
    versions = [parameter._version for parameter in network.parameters()]
    try:
        inputs = examples.clone().requires_grad_()
        logits = usable(inputs)
        if problem := _problem_with(logits, len(examples), label) or _beside_parameters(usable, logits, inputs):
            return Trial(problem)
        asked = {name: parameter for name, parameter in usable.named_parameters() if parameter.requires_grad}
        derivatives = _derivatives(logits, [inputs, *asked.values()])
        no_gradient = _no_gradient(logits, inputs, derivatives[:1])
        cut = _cut_off(usable, logits, examples, asked, derivatives[1:])
        mixing = _other_again(usable, network, examples, logits)
    except torch.OutOfMemoryError:
        raise
    except Exception as cause:
        return Trial(f"the network does not run on its training inputs: {first_line(cause)}")
    for (name, parameter), version in zip(network.named_parameters(), versions, strict=True):
        if parameter._version != version:
            return Trial(f"the network changes its parameter {name!r} whenever it is called")
    return Trial(mixing, no_gradient, cut)


def _draw_others() -> None:
    """Global random states go on: what a network draws of them is not to be the same by accident."""
    torch.rand(1)
    np.random.random()
    random.random()


def _problem_with(logits: object, count: int, label: int) -> str:
    if not isinstance(logits, Tensor):
        return f"the network returns a {type(logits).__name__}; expected logits, one tensor (m, K)"
    if logits.ndim != 2 or len(logits) != count:
        return f"the network returns {tuple(logits.shape)} for {count} examples; expected logits (m, K)"
    if label >= logits.shape[1]:
        return f"the labels go up to {label}; the network returns {logits.shape[1]} logits"
    if logits.dtype not in KNOWN_DTYPES:
        return f"the network returns {short(logits.dtype)}; measures need float32 or float64"
    return ""


def _beside_parameters(network: nn.Module, logits: Tensor, inputs: Tensor) -> str:
    known = {id(inputs), *map(id, network.parameters())}
    shapes = [tuple(leaf.shape) for leaf in leaves_of(logits) if id(leaf) not in known]
    sentence = "the network's outputs depend on a tensor {} that asks for a gradient and is none of its parameters"
    return f"{sentence.format(shapes[0])}: register it (nn.Parameter, nn.ModuleList)" if shapes else ""


def _derivatives(logits: Tensor, by: Sequence[Tensor]) -> Sequence[Tensor | None]:
    """Of the sum of logits by each of these, in one pass; empty where that fails: by one of them alone it may not."""
    try:
        return torch.autograd.grad(logits.sum(), by, allow_unused=True, retain_graph=True)
    except Exception:
        return ()


def _no_gradient(logits: Tensor, inputs: Tensor, known: Sequence[Tensor | None]) -> str:
    sentence = "the network's outputs have no derivative with respect to its inputs"
    try:
        (gradient,) = known or torch.autograd.grad(logits.sum(), inputs, allow_unused=True, retain_graph=True)
    except Exception as cause:
        return f"{sentence}: {first_line(cause)}"
    return "" if gradient is not None else f"{sentence}: it rounds them, looks them up in a table, or cuts the gradient"


def _cut_off(
    usable: nn.Module,
    logits: Tensor,
    examples: Tensor,
    asked: dict[str, nn.Parameter],
    known: Sequence[Tensor | None],
) -> dict[str, str]:
    """Parameters that outputs depend on and have no derivative by, each with a sentence."""
    if not asked:
        return {}
    sentence = "the network's outputs have no derivative with respect to its parameter"
    found: Sequence[Tensor | None] = known or [None] * len(asked)
    try:
        if logits.requires_grad and not known:
            found = torch.autograd.grad(logits.sum(), [*asked.values()], allow_unused=True)
    except Exception as cause:
        return {name: f"{sentence} {name!r}: {first_line(cause)}" for name in asked}
    unreached = [name for (name, _), gradient in zip(asked.items(), found, strict=True) if gradient is None]

    def follows(names: list[str]) -> bool:
        moved = {name: asked[name].detach() * 1.5 + 0.1 for name in names}
        with torch.no_grad():
            return not _close(run_with(usable, moved, examples.clone()), logits)

    if not unreached or not follows(unreached):
        return {}
    why = "and follow it: what it is used for is cut off, or computed outside of torch"
    return {name: f"{sentence} {name!r}, {why}" for name in unreached if follows([name])}


def is_straight_through(network: nn.Module, examples: Tensor) -> bool:
    """Whether the network detaches to have a gradient, as x + (round(x) - x).detach(), and not to stop one.

    So a gradient that it has, by its inputs or by a parameter, is zero where what is detached has its gradient all the
    same.
    """
    try:
        own, through = (_gradients(each, examples) for each in (network, made_plain(network, through_detach=True)))
    except torch.OutOfMemoryError:
        raise
    except Exception:  # what is wrong is said by the trial that follows
        return False
    return any(bool(one.any()) and not bool(other.any()) for one, other in zip(own, through, strict=True))


def _gradients(network: nn.Module, examples: Tensor) -> tuple[Tensor, ...]:
    """Those of some mixture of the logits, by the inputs and by each parameter."""
    weights = {name: parameter.detach().clone().requires_grad_() for name, parameter in network.named_parameters()}
    inputs = examples.clone().requires_grad_()
    with torch.enable_grad():
        logits = run_with(network, weights, inputs)
        mixture = (logits * torch.arange(1, logits.numel() + 1, device=logits.device).cos().view_as(logits)).sum()
        return torch.autograd.grad(mixture, [inputs, *weights.values()], materialize_grads=True)


def _other_again(usable: nn.Module, network: nn.Module, examples: Tensor, logits: Tensor) -> str:
    """The sentence for a network that gives other outputs when it is called again, or when an example is alone; or
    empty. What is the same alone is the same again."""
    alone: Tensor | None = None
    problem = ""
    with torch.no_grad():
        _draw_others()
        try:
            alone = torch.cat([usable(part.clone()) for part in (examples[:1], examples[1:]) if len(part)])
        except Exception as cause:
            problem = f"; alone it raises: {first_line(cause)}"
        if alone is not None and _close(alone, logits):
            return ""
        if not _close(logits, usable(examples.clone())):
            return "the network gives other outputs when it is called again, in evaluation mode"
        layer = _layer_that_mixes(usable, network, examples)
    return (
        f"{layer} gives an example other outputs when others are beside it: no example has outputs of its own{problem}"
    )


def _layer_that_mixes(usable: nn.Module, network: nn.Module, examples: Tensor) -> str:
    """The first innermost layer whose output for the first example is another one when that is alone."""
    calls: list[tuple[str, Tensor]] = []

    def noting(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda module, received, returned: (
            calls.append((name, returned)) if isinstance(returned, Tensor) else None
        )

    leaves = [(name, module) for name, module in network.named_modules() if name and not [*module.children()]]
    handles = [module.register_forward_hook(noting(name)) for name, module in leaves]
    try:
        usable(examples.clone())
        together, calls = calls, []
        with contextlib.suppress(Exception):
            usable(examples[:1].clone())
    finally:
        for handle in handles:
            handle.remove()
    for number, (name, returned) in enumerate(together):
        if number == len(calls) or not _close(calls[number][1], returned[: len(calls[number][1])]):
            return f"layer {name!r}"
    return "the network"


def _close(one: Tensor, other: Tensor) -> bool:
    """Equal up to rounding, relative to the largest entry; NaN is NaN."""
    if one.shape != other.shape:
        return False
    one, other = one.detach(), other.detach()
    largest = float(other.abs().nan_to_num(0, 0, 0).max()) if other.numel() else 0.0
    return torch.allclose(one, other, rtol=0, atol=TOLERANCE.get(one.dtype, 0.0) * largest, equal_nan=True)


def short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

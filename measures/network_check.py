"""One check of a network, when a TrainedModel is made of it: what measures take for granted, tried on a few examples.

    plain forwards          a call leaves inputs, weights and modules as they were, and is the same every time
    examples by themselves  an example's outputs do not depend on those beside it
    gradients               outputs have a gradient; weights are float32 or float64, all there, and parameters
    logits                  (m, K), one row an example

A network for which all of it holds is used as it is. One that differs inside but is a function like any other is run
as a PlainNetwork; for any other there is a RefusedNetwork, whose one sentence says which layer and why, in every
measure that reads its function.
"""

import contextlib
import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from measures.copying import first_line, modules_kept, run_with, surroundings_kept
from measures.fixed_modes import fixed_modes
from measures.layer_hooks import leaves_of
from measures.plain_network import (
    CUTS,
    DEVICES_WITH_AUTOCAST,
    IN_A_TABLE,
    OF_A_TABLE,
    RIGHT_IN_ONE_ORDER,
    WITH_SECOND_DERIVATIVE,
    PlainNetwork,
    as_given,
    checkpointing_replaced,
    inference_replaced,
    made_plain,
    refused,
)

EXAMPLES = 3
DIFFERENT_IN_TRAINING = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
WITH_OWN_KERNELS = (nn.RNNBase, nn.MultiheadAttention, nn.TransformerEncoderLayer)
QUANTIZED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")
KNOWN_DTYPES = (torch.float32, torch.float64)
TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-7}  # of the largest logit; kernels differ with the size of a batch


def checked(networks: tuple[nn.Module, ...], inputs: Tensor, labels: Tensor) -> tuple[nn.Module, ...]:
    """Each network as measures may use it.

    `inputs` (n, ...) and `labels` (n,) are the training set. All that is given, and the global random state, is left as
    it was.
    """
    given = [as_given(network) for network in networks]
    if not len(inputs):
        return tuple(given)
    examples = inputs[:: max(1, len(inputs) // EXAMPLES)][:EXAMPLES]
    with _at_peace(examples):
        return tuple(_usable(network, examples, int(labels.max())) for network in given)


def _usable(network: nn.Module, examples: Tensor, label: int) -> nn.Module:
    if reason := refusal(network, examples):
        return refused(network, reason)
    seen = _seen_of_a_call(network, examples)
    ways = [made_plain(network)] if seen.odd else [network]
    if seen.detaches:  # to numpy, perhaps, where a gradient cannot follow
        ways.insert(0, made_plain(network, through_detach=True))
    for usable in ways:
        with _Orders() as orders:
            trial = _trial(usable, network, examples, label)
        if not trial.reason:
            break
    if trial.reason:
        return refused(network, trial.reason)
    if trial.no_input_gradient or trial.no_gradient_by or (orders.mixed and not isinstance(usable, PlainNetwork)):
        through = isinstance(usable, PlainNetwork) and usable.through_detach
        return made_plain(network, trial.no_input_gradient, trial.no_gradient_by, through)
    return usable


class _Orders(TorchFunctionMode):
    """Notes a normalization that gets back its images in another order in memory than it received or made them: of one
    example alone its derivative is wrong (plain_network.in_one_order)."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed: list[str] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        returned = function(*args, **(kwargs or {}))
        if function in RIGHT_IN_ONE_ORDER and returned.requires_grad:
            orders = {"first"} if function is F.instance_norm else {_order(args[0])}

            def note(back: Tensor) -> None:
                if orders | {_order(back)} == {"first", "last"}:
                    self.mixed.append(function.__name__)

            returned.register_hook(note)
        return returned


def _order(images: Tensor) -> str:
    """Where the channels lie in memory: before the positions, after them, or neither."""
    if images.is_contiguous():
        return "first"
    return "last" if images.movedim(1, -1).is_contiguous() else ""


def refusal(network: nn.Module, inputs: Tensor) -> str:
    """Why measures cannot read the network's function, as far as it is seen without running it; else empty."""
    for name, module in network.named_modules():
        where = f"layer {name!r}" if name else "the network"
        if isinstance(module, torch.jit.ScriptModule):
            return f"{where} is a ScriptModule, whose layers cannot be seen; give the nn.Module that it was made from"
        if module.training and isinstance(module, DIFFERENT_IN_TRAINING):
            return f"{where} is in training mode; measures need the network in evaluation mode (model.eval())"
        if type(module).__module__.startswith(QUANTIZED):
            return f"{where} is quantized: its weights are not parameters; give the network as it was before that"
    if inputs.dtype not in KNOWN_DTYPES:
        return f"the inputs are {_name(inputs.dtype)}; measures need float32 or float64"
    dtypes = set()
    for name, parameter in network.named_parameters():
        if nn.parameter.is_lazy(parameter):
            return f"parameter {name!r} has no shape yet: the network was never run before it was kept"
        if parameter.dtype not in KNOWN_DTYPES:
            return f"parameter {name!r} is {_name(parameter.dtype)}; measures need float32 or float64 (model.float())"
        dtypes.add(parameter.dtype)
    if len(dtypes) > 1:
        return "parameters are float32 and float64; measures need them of one precision (model.float())"
    return ""


def runs_plainly(network: nn.Module, examples: Tensor) -> bool:
    """Whether a call does nothing but compute outputs from the network's parameters and inputs."""
    return not _seen_of_a_call(network, examples).odd


class _Seen(NamedTuple):
    """Whether a call does anything but compute outputs, and whether it detaches what it computes."""

    odd: bool
    detaches: bool


def _seen_of_a_call(network: nn.Module, examples: Tensor) -> _Seen:
    noted: list[str] = []
    private = examples.clone()
    weights = {name: parameter.detach().clone().requires_grad_() for name, parameter in network.named_parameters()}
    watch = _Watch(noted)
    with contextlib.ExitStack() as stack:
        changed = stack.enter_context(modules_kept(network))
        stack.enter_context(torch.enable_grad())  # which the network may leave off
        stack.enter_context(checkpointing_replaced(lambda: noted.append("checkpointed")))
        stack.enter_context(inference_replaced(lambda: noted.append("inference mode")))
        stack.enter_context(watch)
        with contextlib.suppress(Exception):  # what is wrong is said by the trial that follows
            run_with(network, weights, private)
        noted += changed()
    noted += [name for name, tensor in {**weights, "inputs": private}.items() if tensor._version]
    odd = bool(noted) or watch.detaches or not torch.equal(private, examples)
    return _Seen(odd or any(map(_runs_otherwise, network.modules())), watch.detaches)


def _runs_otherwise(module: nn.Module) -> bool:
    """Whether it is compiled, or of a class that torch has kernels of its own for."""
    compiled = getattr(module, "_compiled_call_impl", None) or hasattr(module, "_orig_mod")
    return bool(
        compiled or hasattr(module.forward, "_torchdynamo_orig_callable") or isinstance(module, WITH_OWN_KERNELS)
    )


class _Watch(TorchFunctionMode):
    """Notes operations under autocast or with a fused kernel, that gradients are switched on or off, tables of which
    the gradient is sparse, and whether anything is detached."""

    def __init__(self, noted: list[str]):
        super().__init__()
        self.noted, self.detaches = noted, False

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        switched = function is torch._C._set_grad_enabled
        self.detaches = self.detaches or function in CUTS
        sparse = function in IN_A_TABLE and any((kwargs or {}).get(option) for option in OF_A_TABLE)
        rounded = any(torch.is_autocast_enabled(device) for device in DEVICES_WITH_AUTOCAST)
        fused = name == "scaled_dot_product_attention" or function in WITH_SECOND_DERIVATIVE
        if switched or rounded or fused or sparse:
            self.noted.append(name)
        return function(*args, **(kwargs or {}))


class _Trial(NamedTuple):
    """Why the network is refused, why its outputs have no gradient at its inputs, and by which parameters they have
    none; each empty if it is not so."""

    reason: str
    no_input_gradient: str = ""
    no_gradient_by: dict[str, str] = {}  # noqa: RUF012  (never written to)


def _trial(usable: nn.Module, network: nn.Module, examples: Tensor, label: int) -> _Trial:
    versions = [parameter._version for parameter in network.parameters()]
    try:
        inputs = examples.clone().requires_grad_()
        logits = usable(inputs)
        if problem := _problem_with(logits, len(examples), label) or _beside_parameters(usable, logits, inputs):
            return _Trial(problem)
        no_gradient = _no_gradient(logits, inputs)
        with torch.no_grad():
            _draw_others()
            again = usable(examples.clone())
        cut = _cut_off(usable, logits, examples)
    except torch.OutOfMemoryError:
        raise
    except Exception as cause:
        return _Trial(f"the network does not run on its training inputs: {first_line(cause)}")
    for (name, parameter), version in zip(network.named_parameters(), versions, strict=True):
        if parameter._version != version:
            return _Trial(f"the network changes its parameter {name!r} whenever it is called")
    if not _close(logits, again):
        return _Trial("the network gives other outputs when it is called again, in evaluation mode")
    return _Trial(_mixing(usable, network, examples, again), no_gradient, cut)


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
        return f"the network returns {_name(logits.dtype)}; measures need float32 or float64"
    return ""


def _beside_parameters(network: nn.Module, logits: Tensor, inputs: Tensor) -> str:
    known = {id(inputs), *map(id, network.parameters())}
    shapes = [tuple(leaf.shape) for leaf in leaves_of(logits) if id(leaf) not in known]
    sentence = "the network's outputs depend on a tensor {} that asks for a gradient and is none of its parameters"
    return f"{sentence.format(shapes[0])}: register it (nn.Parameter, nn.ModuleList)" if shapes else ""


def _no_gradient(logits: Tensor, inputs: Tensor) -> str:
    sentence = "the network's outputs have no derivative with respect to its inputs"
    try:
        (gradient,) = torch.autograd.grad(logits.sum(), inputs, allow_unused=True, retain_graph=True)
    except Exception as cause:
        return f"{sentence}: {first_line(cause)}"
    return "" if gradient is not None else f"{sentence}: it rounds them, looks them up in a table, or cuts the gradient"


def _cut_off(usable: nn.Module, logits: Tensor, examples: Tensor) -> dict[str, str]:
    """Parameters that outputs depend on and have no derivative by, each with a sentence."""
    asked = {name: parameter for name, parameter in usable.named_parameters() if parameter.requires_grad}
    if not asked:
        return {}
    sentence = "the network's outputs have no derivative with respect to its parameter"
    found: Sequence[Tensor | None] = [None] * len(asked)
    try:
        if logits.requires_grad:
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


def _mixing(usable: nn.Module, network: nn.Module, examples: Tensor, logits: Tensor) -> str:
    """The sentence for a network whose outputs for an example depend on the others of its batch, or empty."""
    alone: Tensor | None = None
    problem = ""
    with torch.no_grad():
        try:
            alone = torch.cat([usable(part.clone()) for part in (examples[:1], examples[1:]) if len(part)])
        except Exception as cause:
            problem = f"; alone it raises: {first_line(cause)}"
        if alone is not None and _close(alone, logits):
            return ""
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


@contextlib.contextmanager
def _at_peace(examples: Tensor) -> Iterator[None]:
    """Modes are those of fixed_modes.py, global random state is put back, and what the network warns of is not said."""
    devices = [examples.device] if examples.is_cuda else []
    with torch.random.fork_rng(devices=devices), surroundings_kept(), fixed_modes(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

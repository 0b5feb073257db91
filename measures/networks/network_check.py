"""One check of a network, when a TrainedModel is made of it: what measures take for granted, tried on a few examples.

    plain forwards          a call leaves inputs, weights and modules as they were, and is the same every time
    examples by themselves  an example's outputs do not depend on those beside it
    gradients               outputs have a gradient; weights are float32 or float64, finite, all there, and parameters
    logits                  (m, K), one row an example

A network for which all of it holds is used as it is. One that differs inside but is a function like any other is run
as a PlainNetwork; for any other there is a RefusedNetwork, whose one sentence says which layer and why, in every
measure that reads its function.
"""

import contextlib
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from measures.fixed_modes import fixed_modes
from measures.networks.copying import surroundings_kept
from measures.networks.plain_network import PlainNetwork, as_given, is_finite, made_plain, refused
from measures.networks.trial_call import KNOWN_DTYPES, is_straight_through, short, trial_of
from measures.networks.watched_call import OrdersInMemory, watched_call

EXAMPLES = 3
DIFFERENT_IN_TRAINING = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
QUANTIZED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torch.nn.quantized")
REFERRED = (
    "the network uses its parameter {!r} by a reference of its own, as in a list, where measures cannot put another; "
    "use it as its module's attribute, or make the list an nn.ParameterList"
)


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
    seen = watched_call(network, examples)
    if seen.referred:
        return refused(network, REFERRED.format(seen.referred[0]))
    ways = [made_plain(network)] if seen.odd else [network]
    if seen.detaches and not is_straight_through(network, examples):  # to numpy, perhaps: no gradient can follow
        ways.insert(0, made_plain(network, through_detach=True))
    for usable in ways:
        with OrdersInMemory() as orders:
            trial = trial_of(usable, network, examples, label)
        if not trial.reason:
            break
    if trial.reason:
        return refused(network, trial.reason)
    if trial.no_input_gradient or trial.no_gradient_by or (orders.mixed and not isinstance(usable, PlainNetwork)):
        through = isinstance(usable, PlainNetwork) and usable.through_detach
        return made_plain(network, trial.no_input_gradient, trial.no_gradient_by, through)
    return usable


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
        return f"the inputs are {short(inputs.dtype)}; measures need float32 or float64"
    dtypes = set()
    for name, parameter in network.named_parameters():
        if nn.parameter.is_lazy(parameter):
            return f"parameter {name!r} has no shape yet: the network was never run before it was kept"
        if parameter.dtype not in KNOWN_DTYPES:
            return f"parameter {name!r} is {short(parameter.dtype)}; measures need float32 or float64 (model.float())"
        if not is_finite(parameter):
            return f"parameter {name!r} has numbers that are not finite: training diverged, or they were lost since"
        dtypes.add(parameter.dtype)
    if len(dtypes) > 1:
        return "parameters are float32 and float64; measures need them of one precision (model.float())"
    return ""


@contextlib.contextmanager
def _at_peace(examples: Tensor) -> Iterator[None]:
    """Modes are those of fixed_modes.py, global random state is put back, and what the network warns of is not said."""
    devices = [examples.device] if examples.is_cuda else []
    with torch.random.fork_rng(devices=devices), surroundings_kept(), fixed_modes(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""What a user's own network must be to be trained, stored and measured: tried before anything is trained."""

import contextlib
import copy
import inspect
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.data_set import centre_crop, mean_and_deviation
from harness.training.declaring import DeclaredNetwork, is_own
from harness.training.networks.building import build, network_named
from harness.training.reading.raw_data import RawData, as_floats
from harness.zoo.zoo import Zoo
from measures.errors import NotApplicable
from measures.network_check import checked
from measures.plain_network import require_readable

EXAMPLES = 4
SEEN = 100  # of which mean and deviation are taken
AS_A_TENSOR = "expected its logits alone, a tensor (batch, num_classes)"


def problems_of_networks(zoo: Zoo, raws: Mapping[str, RawData]) -> Iterator[str]:
    """A sentence for each unit of the zoo that cannot be trained as it is: the first thing that is wrong with its
    network on its data set, of which `raws` has the data by name."""
    for unit in zoo.units:
        name, raw = unit.network, raws[unit.data_set]
        inputs, labels = examples_of(zoo, raw)
        declared = network_named(name)
        with torch.random.fork_rng(devices=[]), _default_dtype_kept():
            if is_own(declared.function):
                problems = _problems_of_inputs(declared, inputs, raw.num_classes)
            else:
                natural = zoo.natural(unit, 0)
                last_batch = zoo.train_size_of(natural) % natural.batch_size
                problems = _problems(declared, inputs, labels, raw.num_classes, last_batch)
            problem = next(problems, "")
        if problem:
            where = f" on {unit.data_set}" if len(raws) > 1 else ""
            yield f"network {name!r}{where} {problem}"


def examples_of(zoo: Zoo, raw: RawData) -> tuple[Tensor, Tensor]:
    """A few inputs, about as a recipe of the zoo standardises them, and their labels."""
    images = as_floats(centre_crop(raw.images[:SEEN], zoo.training.get("crop", 0)))
    mean, deviation = mean_and_deviation(images)
    return (images[:EXAMPLES] - mean) / (deviation or 1.0), raw.labels[:EXAMPLES]


def _problems_of_inputs(declared: DeclaredNetwork, inputs: Tensor, classes: int) -> Iterator[str]:
    """This project's networks are what is asked for, but not all of them are for any inputs."""
    shape = tuple(inputs.shape[1:])
    try:
        build(declared.name, shape, classes)(inputs.clone())
    except Exception as cause:
        yield f"cannot be built for inputs of {shape}: {_how(cause, declared)}"


def _problems(
    declared: DeclaredNetwork, inputs: Tensor, labels: Tensor, classes: int, last_batch: int
) -> Iterator[str]:
    """What is wrong, as the end of a sentence that begins with the network; later ones suppose that earlier are not."""
    shape = tuple(inputs.shape[1:])
    dtype = torch.get_default_dtype()
    try:
        one, again, other = (build(declared.name, shape, classes, seed) for seed in (0, 0, 1))
        if torch.get_default_dtype() != dtype:
            yield f"sets torch's default dtype to {torch.get_default_dtype()}, for all that comes after it; leave it"
            return
    except Exception as cause:
        yield f"cannot be built for inputs of {shape} and {classes} classes: {_how(cause, declared)}"
        return
    yield from _problems_of_weights(one, again, other)
    given = inputs.clone()
    try:
        logits = one(given)
    except Exception as cause:
        yield f"does not run on a batch of {len(inputs)} inputs of {shape}: {_how(cause, declared)}"
        return
    yield from _problems_of_logits(logits, len(inputs), classes)
    if not torch.equal(given, inputs):
        yield "writes into its inputs, which are the training set; let it work on a copy (x = x.clone())"
    yield from _problems_of_training(one, logits, labels)
    yield from _problems_of_copies(one, other, inputs)
    try:
        require_readable(checked((one.eval(),), inputs, labels)[0])
    except NotApplicable as reason:
        yield f"cannot be measured after training: {reason}"
    if last_batch == 1:
        try:
            other.train()(inputs[:1])
        except Exception as cause:
            yield f"cannot be trained on the one example of the last batch ({_first_line(cause)}); change batch_size"


def _problems_of_weights(one: nn.Module, again: nn.Module, other: nn.Module) -> Iterator[str]:
    states = [dict(network.state_dict()) for network in (one, again, other)]
    if strange := [name for name, value in states[0].items() if not isinstance(value, Tensor)]:
        yield f"has {strange[0]!r} in its state dict, which is not a tensor"
        return
    if not any(parameter.requires_grad for parameter in one.parameters()):
        yield "has no parameters to train"
    if {tensor.device.type for tensor in states[0].values()} != {"cpu"}:
        yield "is not on the CPU; the harness moves it to the device that it is trained on"
    if {parameter.dtype for parameter in one.parameters()} != {torch.float32}:
        yield "has parameters that are not float32"
    if {tensor.data_ptr() for tensor in one.parameters()} & {tensor.data_ptr() for tensor in again.parameters()}:
        yield "is the same object, or shares weights, whenever it is built; make a new one in the function"
    if not _equal(states[0], states[1]):
        yield "does not draw its weights from torch's generator: with one seed, they are others every time"
    elif _equal(states[0], states[2]):
        yield "starts from the same weights for every seed"


def _problems_of_logits(logits: Any, examples: int, classes: int) -> Iterator[str]:
    if not isinstance(logits, Tensor):
        many = f" of {len(logits)}" if isinstance(logits, tuple | list | dict) else ""
        yield f"gives a {type(logits).__name__}{many}; {AS_A_TENSOR}"
    elif logits.shape != (examples, classes):
        yield f"gives {tuple(logits.shape)} for {examples} examples of {classes} classes; {AS_A_TENSOR}"
    elif not logits.isfinite().all():
        yield f"gives {int((~logits.isfinite()).sum())} numbers that are not finite, before any training"


def _problems_of_training(network: nn.Module, logits: Tensor, labels: Tensor) -> Iterator[str]:
    if not logits.requires_grad:
        yield "gives outputs without a gradient; is there torch.no_grad() or detach() in it?"
        return
    F.cross_entropy(logits, labels).backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    if not all(gradient.isfinite().all() for gradient in gradients):
        yield "has gradients that are not finite, before any training"
    network.zero_grad()


def _problems_of_copies(network: nn.Module, other: nn.Module, inputs: Tensor) -> Iterator[str]:
    """It is kept as it was before training, sent to the process that calls a measure, stored and loaded again."""
    try:
        copied = copy.deepcopy(network)
    except Exception as cause:
        yield f"cannot be copied (copy.deepcopy): {_first_line(cause)}"
        return
    try:
        torch.save(copied, io.BytesIO())
    except Exception as cause:
        yield f"cannot be sent to another process: {_first_line(cause)}; define its parts at the top of the file"
        return
    try:
        other.load_state_dict(network.state_dict())
    except Exception as cause:
        yield f"cannot be loaded from its own state dict: {_first_line(cause)}"
        return
    with torch.no_grad():
        ours, again, loaded = (each.eval()(inputs.clone()) for each in (network, network, other))
    if not torch.equal(ours, again):
        yield "gives other outputs every time in evaluation mode; let it draw in training alone (if self.training)"
    elif not torch.allclose(ours, loaded, rtol=1e-4, atol=1e-5):
        yield (
            "is not determined by its state dict: it keeps numbers that are neither parameters nor buffers; use "
            "register_buffer"
        )


def sees_no_positions(network: nn.Module, inputs: Tensor) -> bool:
    """Whether it is the same function under one permutation of all inputs and of its first layer's columns: as far as
    that can be seen, one fixed permutation of the positions is the same problem to it."""
    size = inputs[0].numel()
    first = next((each for each in network.modules() if isinstance(each, nn.Linear) and each.in_features == size), None)
    if first is None:
        return False
    order = torch.randperm(size, generator=torch.Generator().manual_seed(0))
    network.eval()
    with torch.no_grad():
        before = network(inputs.clone())
        first.weight.copy_(first.weight[:, order])
        after = network(inputs.flatten(1)[:, order].view_as(inputs))
    return torch.allclose(before, after, rtol=1e-3, atol=1e-4)


@contextlib.contextmanager
def _default_dtype_kept() -> Iterator[None]:
    dtype = torch.get_default_dtype()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)


def _equal(some: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    return some.keys() == others.keys() and all(torch.equal(tensor, others[name]) for name, tensor in some.items())


def _how(cause: BaseException, declared: DeclaredNetwork) -> str:
    """What was raised, with the last line of the user's own that was executed."""
    if isinstance(cause, HarnessError):
        return str(cause)
    folder, trace, line = Path(inspect.unwrap(declared.function).__code__.co_filename).parent, cause.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).parent == folder:
            line = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(cause).__name__}: {_first_line(cause)}{line}"


def _first_line(cause: BaseException) -> str:
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]

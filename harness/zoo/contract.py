"""What a user's own network must be to be trained, stored and measured: tried before anything is trained.

Networks and data sets are found by their names: all that a zoo asks for are declared, and no two have one name.
"""

import contextlib
import difflib
import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.training.data_set import centre_crop, mean_and_deviation
from harness.training.declaring import OWN_DATA_SETS, OWN_NETWORKS, DeclaredDataSet, DeclaredNetwork, is_own
from harness.training.networks.building import build, network_named
from harness.training.reading.raw_data import RawData, as_floats
from harness.training.recipe import Recipe
from harness.zoo.facts import IMAGE
from harness.zoo.network_problems import of_copies, of_defaults, of_logits, of_state, of_training, of_weights
from harness.zoo.unit import Declared
from harness.zoo.zoo import Zoo
from measures.errors import NotApplicable
from measures.networks.copying import first_line
from measures.networks.network_check import checked
from measures.networks.plain_network import require_readable

EXAMPLES = 4
SEEN = 100  # of which mean and deviation are taken


def check_names(zoo: Zoo) -> None:
    """HarnessError where a name of the zoo is that of nothing, or of two functions."""
    brought = [part for part in zoo.declared if not is_own(part.function)]
    for kind, what, own, asked in (
        (
            DeclaredNetwork,
            "network",
            OWN_NETWORKS.values(),
            [*zoo.networks, *{each.network: 0 for each in zoo.of_grid}],
        ),
        (DeclaredDataSet, "data set", OWN_DATA_SETS.values(), zoo.data_sets),
    ):
        theirs = [part for part in brought if isinstance(part, kind)]
        _check_different(zoo, what, [*own], theirs)
        for name in asked:
            _check_declared(name, what, [*own, *theirs])


def _check_different(zoo: Zoo, what: str, own: Sequence[Declared], theirs: Sequence[Declared]) -> None:
    """HarnessError where a user's has the name of one of this project, or two of a user's have one."""
    for part in theirs:
        if any(_are_alike(part, other) for other in own):
            raise HarnessError(f"two {what}s are named {part.name!r}, one of them of this project; rename the function")
    for one, other in itertools.combinations(theirs, 2):
        if one.function is not other.function and _are_alike(one, other):
            raise HarnessError(
                f"two {what}s of the {zoo.name} zoo are named {other.name!r}, and are not the same function; rename "
                "one of the functions: each is found by its name"
            )


def _are_alike(one: Declared, other: Declared) -> bool:
    """Whether one has the other's name, or is a family with a member of that name."""
    return one.name == other.name or bool(one.named(other.name) or other.named(one.name))


def _check_declared(name: str, what: str, known: Sequence[Declared]) -> None:
    if not any(part.named(name) for part in known):
        names = [part.name.replace("{", "<").replace("}", ">") for part in known]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise HarnessError(f"unknown {what} {name!r:.80}; {hint}known: {', '.join(names)}")


def problems_of_networks(zoo: Zoo, raws: Mapping[str, RawData]) -> Iterator[str]:
    """A sentence for each unit of the zoo that cannot be trained as it is: the first thing that is wrong with its
    network on its data set, of which `raws` has the data by name; and the same of each network of the grid.

    HarnessError where this process has other defaults of torch than networks are to be built under.
    """
    if problem := next(of_defaults(), ""):
        raise HarnessError(f"the {zoo.name} zoo cannot be tried: this process, and no network of it, {problem}")
    known: dict[tuple[str, str, bool], str] = {}  # networks that were tried, with what is wrong
    asked = [(zoo.natural(unit, 0), "") for unit in zoo.units] + [(recipe, " of the grid") for recipe in zoo.of_grid]
    said: set[str] = set()
    for natural, of_grid in asked:
        raw, declared = raws[natural.data_set], network_named(natural.network)
        inputs, labels = examples_of(zoo, raw)
        problem = next(_problems_of_recipe(natural, declared, inputs), "")
        alone = zoo.train_size_of(natural) % natural.batch_size == 1
        tried = (natural.data_set, natural.network, alone)
        if not problem and tried not in known:
            known[tried] = _problem_of(declared, inputs, labels, raw.num_classes, alone)
        problem = problem or known[tried]
        if problem and natural.network + problem not in said:
            said.add(natural.network + problem)
            where = of_grid + (f" on {natural.data_set}" if len(raws) > 1 else "")
            yield f"network {natural.network!r}{where} {problem}"


def _problem_of(declared: DeclaredNetwork, inputs: Tensor, labels: Tensor, classes: int, alone: bool) -> str:
    """The first thing that is wrong with a network, or ""; `alone`: whether the last batch has one example."""
    with torch.random.fork_rng(devices=[]), _defaults_kept():
        if is_own(declared.function):
            return next(_problems_of_inputs(declared, inputs, classes), "")
        return next(_problems(declared, inputs, labels, classes, alone), "")


def examples_of(zoo: Zoo, raw: RawData) -> tuple[Tensor, Tensor]:
    """A few inputs, about as a recipe of the zoo standardises them, and their labels."""
    images = as_floats(centre_crop(raw.images[:SEEN], zoo.training.get("crop", 0)))
    mean, deviation = mean_and_deviation(images)
    return (images[:EXAMPLES] - mean) / (deviation or 1.0), raw.labels[:EXAMPLES]


def _problems_of_recipe(recipe: Recipe, declared: DeclaredNetwork, inputs: Tensor) -> Iterator[str]:
    """What its training asks for that the network, or the inputs, do not have."""
    if recipe.dropout and not declared.takes_dropout:
        yield f"is trained with dropout {recipe.dropout:g}, and its function has no parameter dropout; leave it out"
    if recipe.random_crop and inputs.ndim != 1 + IMAGE:
        yield f"is trained with random_crop, and inputs of {tuple(inputs.shape[1:])} are not images; leave it out"


def _problems_of_inputs(declared: DeclaredNetwork, inputs: Tensor, classes: int) -> Iterator[str]:
    """This project's networks are what is asked for, but not all of them are for any inputs."""
    shape = tuple(inputs.shape[1:])
    try:
        build(declared.name, shape, classes)(inputs.clone())
    except Exception as cause:
        yield f"cannot be built for inputs of {shape}: {_how(cause, declared)}"


def _problems(declared: DeclaredNetwork, inputs: Tensor, labels: Tensor, classes: int, alone: bool) -> Iterator[str]:
    """What is wrong, as the end of a sentence that begins with the network; later ones suppose that earlier are not."""
    shape = tuple(inputs.shape[1:])
    try:
        one, again, other = (build(declared.name, shape, classes, seed) for seed in (0, 0, 1))
    except (Exception, SystemExit) as cause:
        yield f"cannot be built for inputs of {shape} and {classes} classes: {_how(cause, declared)}"
        return
    yield from of_defaults()
    yield from of_weights(one, again, other)
    given = inputs.clone()
    try:
        logits = one(given)
    except (Exception, SystemExit) as cause:
        yield f"does not run on a batch of {len(inputs)} inputs of {shape}: {_how(cause, declared)}"
        return
    yield from of_defaults()
    yield from of_logits(logits, len(inputs), classes)
    if not torch.equal(given, inputs):
        yield "writes into its inputs, which are the training set; let it work on a copy (x = x.clone())"
    yield from of_training(one, logits, labels)
    yield from of_copies(one, other)
    try:
        one.eval()(inputs.clone())
    except (Exception, SystemExit) as cause:
        yield f"does not run in evaluation mode: {_how(cause, declared)}"
        return
    yield from of_state(one, other, inputs, classes)
    try:
        require_readable(checked((one.eval(),), inputs, labels)[0])
    except NotApplicable as reason:
        yield f"cannot be measured after training: {reason}"
    if alone:
        try:
            other.train()(inputs[:1])
        except Exception as cause:
            yield f"cannot be trained on the one example of the last batch ({first_line(cause)}); change batch_size"


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
def _defaults_kept() -> Iterator[None]:
    dtype, gradients, device = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_default_device()
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(gradients)
        if torch.get_default_device() != device:
            torch.set_default_device(device)


def _how(cause: BaseException, declared: DeclaredNetwork) -> str:
    """What was raised, with the last line of the user's own that was executed."""
    if isinstance(cause, HarnessError):
        return str(cause)
    folder, trace, line = Path(inspect.unwrap(declared.function).__code__.co_filename).parent, cause.__traceback__, ""
    while trace is not None:
        if Path(trace.tb_frame.f_code.co_filename).parent == folder:
            line = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(cause).__name__}: {first_line(cause)}{line}"

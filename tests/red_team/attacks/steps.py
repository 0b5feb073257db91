"""Steps of training, of which a measure is told epochs: in the memory behind a view, in what layers count."""

import gc

import torch
from known import done
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel


def held(trained: TrainedModel) -> list[Tensor]:
    """All tensors that came with the model, whatever holds them."""
    history = [value for value in vars(trained.history).values() if isinstance(value, Tensor)]
    networks = [*trained.model.state_dict().values(), *trained.init.state_dict().values()]
    return [trained.inputs, trained.labels, *history, *networks]


@measure(source="red team")
def memory_behind_the_rates(trained: TrainedModel) -> float:
    """A view has all the memory that it was taken from."""
    rates = trained.history.learning_rates
    behind = rates.untyped_storage().nbytes() // rates.element_size()
    return done(behind > len(rates), "no more than a rate an epoch") and float(behind)


@measure(source="red team")
def memory_behind_anything(trained: TrainedModel) -> float:
    """The same of every tensor: examples that are not handed out would lie there."""
    behind = [each.untyped_storage().nbytes() - each.numel() * each.element_size() for each in held(trained)]
    return done(any(behind), "every tensor has its own") and float(sum(behind))


@measure(source="red team")
def batches_that_layers_count(trained: TrainedModel) -> float:
    """Batch normalization counts its batches."""
    counters = [value for name, value in trained.model.state_dict().items() if name.endswith("num_batches_tracked")]
    if not counters:
        raise NotApplicable("refused: it has no batch normalization")
    return done(int(counters[0]) > trained.history.epochs, "a batch an epoch") and float(counters[0])


@measure(source="red team")
def steps_of_the_history(trained: TrainedModel) -> float:
    """The base class counts them still."""
    base = type(trained.history).__mro__[1]
    steps = base.steps.fget(trained.history)  # type: ignore[attr-defined]
    return done(steps > trained.history.epochs, "as many as epochs") and float(steps)


@measure(source="red team")
def other_histories(trained: TrainedModel) -> float:
    """The history that this one was made of may still be about."""
    found = [each for each in gc.get_objects() if type(each).__name__ == "History"]
    return done(bool(found), "none") and float(found[0].steps)


@measure(source="red team")
def recipes_in_memory(trained: TrainedModel) -> float:
    """What names the model: a recipe, a stored model, a job, settings."""
    names = {"Recipe", "StoredModel", "EvaluateJob", "Settings", "Blinded", "Twin", "Outcome"}
    found = {type(each).__name__ for each in gc.get_objects()} & names
    return done(bool(found), "none") and float(len(found))


@measure(source="red team")
def notes_on_tensors(trained: TrainedModel) -> float:
    """Attributes, hooks and graphs that came with a tensor, or with a module."""
    known = {*vars(nn.Module()), *vars(nn.Flatten()), *vars(nn.Linear(1, 1)), *vars(nn.ReLU())}
    modules = [module for network in (trained.model, trained.init) for module in network.modules()]
    notes = [key for module in modules for key in vars(module).keys() - known]
    notes += [key for tensor in held(trained) for key in vars(tensor)]
    notes += ["graph" for tensor in held(trained) if tensor.grad_fn is not None or tensor.grad is not None]
    return done(bool(notes), "none") and float(len(notes))


@measure(source="red team")
def layout_of_tensors(trained: TrainedModel) -> float:
    """Strides, offsets and dtypes may be those of another way to make them."""
    kinds = {(tuple(each.shape), each.stride(), each.storage_offset(), each.dtype) for each in held(trained)}
    return float(len(kinds)) + float(trained.inputs.is_contiguous()) + float(trained.inputs.dtype == torch.float32)

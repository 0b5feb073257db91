"""An attribute that is not there is told with a name that is near, and test data with why there are none; one that a
network came without makes whoever asks for it not applicable."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from harness.calling.reading import read_here
from measures import NotApplicable, TrainedModel
from measures.absent import absent
from measures.registry import load_builtin, registered
from measures.trained_model import NO_HISTORY, NO_INIT, NO_RETRAINING
from tests.builders.models import random_network, trained_model

ASK_FOR = {
    "distance_from_init": NO_INIT,
    "layer_reinit_robustness": NO_INIT,
    "lazy_distance": NO_INIT,
    "training_loss_sum": NO_HISTORY,
    "forgetting_events": NO_HISTORY,
    "early_fisher_trace": NO_HISTORY,
    "held_out_error": NO_RETRAINING,
}


@pytest.fixture
def trained() -> TrainedModel:
    return trained_model(
        nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), torch.zeros(4, 1, 2, 2), torch.tensor([0, 1, 0, 1])
    )


@pytest.mark.parametrize(("name", "near"), [("lables", "labels"), ("margin", "margins"), ("lay3rs", "layers")])
def test_a_misspelt_attribute_is_told_with_what_is_near(trained: TrainedModel, name: str, near: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(trained, name)
    assert str(caught.value) == f"'TrainedModel' object has no attribute {name!r}; did you mean {near!r}?"


@pytest.mark.parametrize("name", ["test_inputs", "test_loss", "x_test", "val_labels", "condition", "recipe", "gap"])
def test_what_a_measure_is_to_predict_is_not_there_by_design(trained: TrainedModel, name: str) -> None:
    for owner in (trained, trained.history):
        with pytest.raises(AttributeError, match=f"a measure has no '{name}', by design: it sees what the network was"):
            getattr(owner, name)


def test_latest_and_other_words_ask_for_no_test_data() -> None:
    assert "by design" not in str(absent(object(), "latest_weights")) + str(absent(object(), "evaluate"))


def test_what_goes_wrong_inside_a_property_is_told_as_it_is(trained: TrainedModel) -> None:
    class Broken(nn.Module):
        def forward(self, inputs: object) -> object:
            return self.no_such_part

    broken = object.__new__(TrainedModel)
    for field in dataclasses.fields(trained):
        object.__setattr__(broken, field.name, getattr(trained, field.name))
    object.__setattr__(broken, "model", Broken())
    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'no_such_part'"):
        _ = broken.logits


def test_a_model_is_copied_as_before(trained: TrainedModel) -> None:
    assert copy.copy(trained).labels is trained.labels
    assert not hasattr(trained, "__array__")


def without(trained: TrainedModel, *names: str) -> TrainedModel:
    fields = {field.name: vars(trained)[field.name] for field in dataclasses.fields(trained)}
    return TrainedModel(**fields | dict.fromkeys(names))


@pytest.fixture(scope="module")
def whole() -> TrainedModel:
    return random_network("mlp_2x8", 0)


@pytest.fixture(scope="module")
def bare(whole: TrainedModel) -> TrainedModel:
    return without(whole, "init", "history", "retrain_function")


def test_who_asks_for_what_is_missing_is_not_applicable_with_the_reason(bare: TrainedModel) -> None:
    load_builtin()
    with pytest.raises(NotApplicable, match="initial weights"):
        _ = bare.init
    with pytest.raises(NotApplicable, match="history"):
        _ = bare.history
    for name, reason in ASK_FOR.items():
        with pytest.raises(NotApplicable) as caught:
            registered[name](bare)
        assert str(caught.value) in (reason, reason.replace("these networks", "this network")), name


def test_who_asks_for_neither_gets_the_value_that_it_has_with_both(whole: TrainedModel, bare: TrainedModel) -> None:
    load_builtin()
    asked, both = 0, dataclasses.replace(whole)
    for measure in registered.values():
        if measure.cost == "retrain":
            continue
        reading = read_here(measure, bare)
        if reading.reason.startswith(("these networks came without", "this network came without")):
            asked += 1
        else:
            expected = read_here(measure, both)
            assert (reading.status, reading.value) == (expected.status, expected.value), measure.name
    assert asked > len(ASK_FOR)


def test_layers_do_not_ask_for_the_beginning_until_their_own_is_read(whole: TrainedModel, bare: TrainedModel) -> None:
    for there, here in zip(whole.layers, bare.layers, strict=True):
        assert here.operator_norm == there.operator_norm and torch.equal(here.weight, there.weight)
        with pytest.raises(NotApplicable, match="initial weights"):
            _ = here.change_operator_norm


def test_snapshots_need_the_history_and_not_the_beginning(whole: TrainedModel) -> None:
    assert len(without(whole, "init").snapshots) == len(whole.snapshots)
    with pytest.raises(NotApplicable, match="history"):
        _ = without(whole, "history").snapshots


def test_it_is_copied_with_changes_and_shown_as_it_is(bare: TrainedModel) -> None:
    half = dataclasses.replace(bare, inputs=bare.inputs[::2], labels=bare.labels[::2])
    assert len(half.logits) == len(bare.labels[::2])
    assert "init=None" in repr(half) and "init_weight=None" in repr(half.layers[0])

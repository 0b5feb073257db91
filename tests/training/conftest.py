"""Trainings whose batches are recorded, and data before they are standardised."""

from pathlib import Path

import pytest

import harness.training.train
from harness.training.batches import Examples
from harness.training.examples import data_set
from harness.training.train import fit
from tests.builders.recorded_training import Recording


@pytest.fixture
def recorded(monkeypatch):
    """Trains like `fit` and records the batches: (Fit, Recording, DataSet)."""

    def recorded_fit(recipe, **arguments):
        recording = Recording([], [])

        def note(module, args):
            if module.training:
                recording.batches.append(args[0])
                recording.states.append({name: tensor.clone() for name, tensor in module.state_dict().items()})

        def build(*arguments):
            network = original(*arguments)
            network.register_forward_pre_hook(note)
            return network

        original = harness.training.train.build_for
        data = data_set(recipe, Path())
        attack = (data.attack_inputs, data.attack_labels) if recipe.attack else None
        with monkeypatch.context() as patch:
            patch.setattr(harness.training.train, "build_for", build)
            result = fit(recipe, Examples(data.train_inputs, data.train_labels, data.num_classes, attack), **arguments)
        return result, recording, data

    return recorded_fit


@pytest.fixture
def as_drawn(monkeypatch):
    """The data before they are standardised."""
    monkeypatch.setattr("harness.training.examples.standardised", lambda data, standardisation: data)

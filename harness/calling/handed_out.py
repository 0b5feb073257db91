"""What a stranger's measure is given of a model: all that TrainedModel promises, and nothing that names the model.

Who knows which recipe a model came from knows whether it was randomized. The seed of the recipe draws its data and
its noise once more, the inputs are found in a public data set, the number of steps tells on how many examples it was
trained. So the seed is another, inputs have a little noise (noise_on_inputs.py), examples another order, and history
and normalization layers count epochs.
"""

import dataclasses
import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from harness.calling.noise_on_inputs import with_noise
from harness.calling.request import with_fields
from measures.history import EpochHistory, History
from measures.networks.copying import copy_of
from measures.seeding import seeded_generator, standard_normal
from measures.trained_model import TrainedModel


def handed_out(trained: TrainedModel) -> TrainedModel:
    """The same model for a stranger. Models that began alike, as twins do, have the same seed, order and noise.

    The seed of one that came without its beginning is a place in a list of twins, which says nothing else. Raises
    NotApplicable where the network is not the same function of inputs with noise.
    """
    given = {field.name: vars(trained)[field.name] for field in dataclasses.fields(trained)}
    seed = trained.seed if given["init"] is None else seed_of(given["init"])
    noise = standard_normal(trained.inputs.shape, seeded_generator(seed, "noise on inputs"), trained.inputs)
    order = torch.randperm(len(trained.labels), generator=seeded_generator(seed, "order of examples"))
    changed = {
        **_without_steps(given),
        "inputs": with_noise(trained, noise)[order],
        "labels": trained.labels[order],
        "history": None if given["history"] is None else _by_epoch(given["history"], order),
        "seed": seed,
    }
    return with_fields(object.__new__(TrainedModel), given | changed)


def seed_of(init: nn.Module) -> int:
    """A seed that is a function of the network before training: it tells no more than a measure sees anyhow."""
    digest = hashlib.sha256()
    for value in init.state_dict().values():
        if isinstance(value, torch.Tensor):  # what a module keeps beside, as its extra state, is not weights
            digest.update(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return int.from_bytes(digest.digest()[:7], "big")


def _without_steps(given: dict[str, Any]) -> dict[str, nn.Module]:
    """Copies of the networks that count the steps that they were trained for, with epochs in their place.

    Whoever does not tell their history may have their steps known: a network then has what it came with.
    """
    if given["history"] is None:
        return {}
    epochs = given["history"].epochs
    networks = {role: given[role] for role in ("model", "init") if given[role] is not None}
    telling = {role: each for role, each in networks.items() if any(bool((n > epochs).any()) for n in _counters(each))}
    changed = {role: copy_of(network) for role, network in telling.items()}
    for network in changed.values():
        for counter in _counters(network):
            counter.clamp_(max=epochs)
    return changed


def _counters(network: nn.Module) -> Iterator[torch.Tensor]:
    """Of batch normalization, which counts its batches; in evaluation mode it does not read them."""
    for module in network.modules():
        counter = module._buffers.get("num_batches_tracked")
        if counter is not None and counter.device.type != "meta":
            yield counter


def _by_epoch(history: History, order: torch.Tensor) -> EpochHistory:
    per_epoch = -(-history.steps // max(1, history.epochs))
    return EpochHistory(
        train_loss=history.train_loss,
        train_error=history.train_error,
        correct=history.correct[:, order],
        learning_rates=history.learning_rates[:: max(1, per_epoch)][: history.epochs].clone(),  # not all the memory
        snapshot_epochs=history.snapshot_epochs,
        snapshots=history.snapshots,
    )

"""Networks that measures had retrained, kept on disk: several measures ask for the same ones, and so do later runs."""

import contextlib
import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from harness.files.sealed_tensors import digest_tensors, read_sealed, write_sealed
from harness.training.batches import Examples
from harness.training.networks.building import build_for
from harness.training.recipe import Recipe
from harness.training.train import fit
from measures.networks.copying import in_evaluation

SEAL = 32  # bytes at the end of an older file


def retrained(
    folder: Path,
    recipe: Recipe,
    num_classes: int,
    inputs: Tensor,
    labels: Tensor,
    reseed: int = 0,
    max_epochs: int | None = None,
) -> nn.Module:
    """The recipe's network trained on these examples, in evaluation mode: read from `folder`, else trained and kept.

    A file that was damaged is written again; where there is no room for it, the network is not kept. Of the recipe
    only network, optimizer, regularizers, stopping loss and seed count: the condition's name is no part of it.
    """
    limit = recipe.max_epochs if max_epochs is None else max_epochs
    examples_given: dict[str, Any] = {
        "condition": "true_labels",
        "corrupted_fraction": 0.0,
        "num_train": 0,
        "attack": 0,
    }
    plain = dataclasses.replace(recipe, **examples_given, steps_of="", max_epochs=limit)
    examples = f"{digest_tensors(inputs, labels)}:{num_classes}:{reseed}"
    key = hashlib.sha256(f"{plain.key}:{examples}".encode()).hexdigest()
    path = folder / key[:2] / f"{key}.safetensors"
    if (tensors := _read(path)) is not None:
        network = build_for(plain, tuple(inputs.shape[1:]), num_classes)
        network.load_state_dict(tensors)
        return in_evaluation(network.to(inputs.device))
    network = fit(plain, Examples(inputs, labels, num_classes), reseed).model
    with contextlib.suppress(OSError):
        write_sealed(path, dict(network.state_dict()))
    return network


def _read(path: Path) -> dict[str, Tensor] | None:
    """None where there is no file, or not the one that was written."""
    kept = read_sealed(path)
    return _read_older(path) if kept is None else kept.tensors


def _read_older(path: Path) -> dict[str, Tensor] | None:
    """The same of files that earlier versions wrote: they end in the sha256 of the rest."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[:-SEAL]).digest() == content[-SEAL:]:
            return load_tensors(content[:-SEAL])
    except (OSError, SafetensorError):
        pass
    return None

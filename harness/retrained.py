"""Networks that measures had retrained, kept on disk: several measures ask for the same ones, and so do later runs."""

import contextlib
import dataclasses
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from harness.data import digest_tensors
from harness.networks import build
from harness.recipe import Recipe
from harness.train import fit

SEAL = 32  # bytes: a file ends in the sha256 of the rest


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
    place = folder / key[:2] / f"{key}.safetensors"
    if (tensors := _read(place)) is not None:
        network = build(plain.network, tuple(inputs.shape[1:]), num_classes, dropout=plain.dropout)
        network.load_state_dict(tensors)
        return network.to(inputs.device).eval()
    network = fit(plain, inputs, labels, num_classes, reseed).model
    with contextlib.suppress(OSError):
        _write(place, {name: value.cpu().contiguous() for name, value in network.state_dict().items()})
    return network


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    """There whole or not at all."""
    content = save_tensors(tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content + hashlib.sha256(content).digest())
    os.replace(file.name, path)


def _read(path: Path) -> dict[str, Tensor] | None:
    """None where there is no file, or not the one that was written."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[:-SEAL]).digest() == content[-SEAL:]:
            return load_tensors(content[:-SEAL])
    except (OSError, SafetensorError):
        pass
    return None

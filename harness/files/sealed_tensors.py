"""Tensors in one file that come back as they were written, or not at all.

It is a safetensors file, written privately and moved into place by one rename. Its header has `about`, a JSON object
that the writer gives, and a seal: the sha256 of the tensors, their names and `about`. Nothing that can execute is ever
loaded.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from harness.files.private_folder import private_folder, sweep


class Sealed(NamedTuple):
    """What such a file holds: tensors (on the CPU) by name, and what was written about them."""

    tensors: dict[str, Tensor]
    about: dict[str, Any]


def write_sealed(path: Path, tensors: dict[str, Tensor], about: dict[str, Any] | None = None) -> None:
    """Put the tensors into the file at `path`, in place of what was there; its folder is made if it is missing.

    `about` is a JSON object. Raises OSError if there is no room, and leaves what was there.
    """
    tensors = each_by_itself(tensors)
    text = "" if about is None else json.dumps(about, allow_nan=False)
    metadata = {"sha256": _seal(tensors, text)} | ({"about": text} if text else {})
    sweep(path.parent)
    with private_folder(path.parent) as folder:
        private = folder / path.name
        try:
            save_file(tensors, str(private), metadata=metadata)
        except SafetensorError as cause:  # a full disk as well
            raise OSError(f"{path} could not be written: {cause}") from cause
        with open(private, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(private, 0o644)  # for whoever else may read the cache folder
        os.replace(private, path)


def read_sealed(path: Path) -> Sealed | None:
    """What was written to the file; None where there is no file, it was altered or cut short, or it has no seal."""
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            metadata = file.metadata() or {}
    except (OSError, SafetensorError):
        return None
    text = metadata.get("about", "")
    if metadata.get("sha256") != _seal(tensors, text):
        return None
    return Sealed(tensors, json.loads(text) if text else {})


def each_by_itself(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous, and no two of them in one memory, as weights that a network ties are."""
    found: dict[str, Tensor] = {}
    memories = set()
    for name, tensor in tensors.items():
        tensor = tensor.detach().cpu().contiguous()
        memory = tensor.untyped_storage().data_ptr()
        found[name] = tensor.clone() if memory in memories else tensor
        memories.add(memory)
    return found


def digest_tensors(*tensors: Tensor) -> str:
    """sha256 of the tensors' types, shapes and bytes."""
    digest = hashlib.sha256()
    for tensor in tensors:
        array = np.ascontiguousarray(_as_array(tensor.detach().cpu()))
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def _as_array(tensor: Tensor) -> np.ndarray:
    """Its numbers; of a type that numpy does not have, as bfloat16, the bytes."""
    try:
        return tensor.numpy()
    except TypeError:
        return tensor.flatten().view(torch.uint8).numpy()


def _seal(tensors: dict[str, Tensor], about: str) -> str:
    names = sorted(tensors)
    seal = f"{digest_tensors(*[tensors[name] for name in names])}:{','.join(names)}"
    return f"{seal}:{hashlib.sha256(about.encode()).hexdigest()}" if about else seal

"""A stored model as bytes: what is written of a trained model, and what may be believed when it is read.

Two files: `model.safetensors` (weights before and after training, history), and `entry.json` (recipe, outcome, sha256
of the tensors and of the training data, and of itself). Reading them raises Damaged if they are not what was written.
"""

import dataclasses
import hashlib
import json
import math
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from harness.files.sealed_tensors import digest_tensors, each_by_itself
from harness.training.data_set import DataSet
from harness.training.recipe import Recipe, canonical_json
from harness.training.train import Fit, Outcome
from measures.history import History

ENTRY_FORMAT = 1
HEADER, WEIGHTS = "entry.json", "model.safetensors"
WATCHED = "watched.test_errors"
LARGEST_HEADER = 1 << 20  # bytes; ours have 2 kB
_SHA256 = frozenset("0123456789abcdef")


class Damaged(Exception):
    """A stored model is not what was published: which file, and in which way."""


@dataclasses.dataclass(frozen=True)
class StoredModel:
    """What entry.json says of a stored model.

    `weights_sha256` is of model.safetensors, `weights_bytes` its size (None if an older version wrote it),
    `environment` where it was trained: versions, threads, and which attempt it was.
    """

    recipe: Recipe
    outcome: Outcome
    weights_sha256: str
    data_sha256: str
    environment: dict[str, Any]
    weights_bytes: int | None = None


def as_bytes(
    recipe: Recipe, result: Fit, outcome: Outcome, data: DataSet, attempt: int = 1
) -> tuple[bytes, bytes, StoredModel]:
    """entry.json and model.safetensors of a trained model, and what the first says."""
    tensors = {f"model.{name}": value for name, value in result.model.state_dict().items()}
    tensors |= {f"init.{name}": value for name, value in result.init.state_dict().items()}
    for field in dataclasses.fields(History):
        tensors[f"history.{field.name}"] = getattr(result.history, field.name)
    if len(result.test_errors):
        tensors[WATCHED] = result.test_errors
    weights = save_tensors(each_by_itself(tensors))
    environment = {"torch": torch.__version__, "threads": torch.get_num_threads(), "attempt": attempt}
    examples = digest_tensors(data.train_inputs, data.train_labels)
    stored = StoredModel(recipe, outcome, hashlib.sha256(weights).hexdigest(), examples, environment, len(weights))
    content = {"format": ENTRY_FORMAT} | dataclasses.asdict(stored) | {"recipe": recipe.canonical()}
    content["sha256"] = sha256_of_json(content)
    return json.dumps(content, indent=1, allow_nan=False).encode(), weights, stored


def read_header(content: bytes, path: str) -> StoredModel:
    """What entry.json says. Raises Damaged, with the file's path, for anything but what was written."""
    if len(content) > LARGEST_HEADER:
        raise Damaged(f"{path} has {len(content)} bytes; expected at most {LARGEST_HEADER}")
    try:
        header = json.loads(content)
        sha256 = header.pop("sha256")
        intact = sha256 == sha256_of_json(header)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as cause:
        raise Damaged(f"{path} cannot be read ({type(cause).__name__})") from cause
    if not intact:
        raise Damaged(f"{path} was altered")
    if header.get("format") != ENTRY_FORMAT:
        raise Damaged(f"{path} has format {header.get('format')!s:.20}; this code reads {ENTRY_FORMAT}")
    try:
        return _parsed(header)
    except (KeyError, TypeError, ValueError, OverflowError) as cause:
        raise Damaged(f"{path} is not a stored model ({type(cause).__name__}: {cause!s:.80})") from cause


def read_weights(content: bytes, stored: StoredModel, path: str) -> dict[str, Tensor]:
    """The tensors of model.safetensors. Raises Damaged, with its path, if they are not those that entry.json names."""
    if hashlib.sha256(content).hexdigest() != stored.weights_sha256:
        raise Damaged(f"{path} was altered or cut short")
    try:
        return load_tensors(content)
    except (SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as cause:
        raise Damaged(f"{path} holds no tensors ({type(cause).__name__})") from cause


def with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def sha256_of_json(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _parsed(header: dict[str, Any]) -> StoredModel:
    """Every field is checked for its type: a valid digest does not make the content valid."""
    outcome, size = header["outcome"], header.get("weights_bytes")
    for name in ("train_error", "test_error", "seconds"):
        _expect(_is_number(outcome[name]), name)
    for name in ("train_loss", "test_loss"):
        _expect(outcome[name] is None or _is_number(outcome[name]), name)
    for name in ("epochs", "steps"):
        _expect(type(outcome[name]) is int, name)
    _expect(type(outcome["fitted"]) is bool, "fitted")
    _expect(size is None or type(size) is int, "weights_bytes")
    _expect(isinstance(header["environment"], dict), "environment")
    for name in ("weights_sha256", "data_sha256"):
        _expect(isinstance(header[name], str) and len(header[name]) == 64 and set(header[name]) <= _SHA256, name)
    recipe = Recipe(**header["recipe"])
    _expect(recipe.canonical() == header["recipe"], "recipe")
    return StoredModel(
        recipe, Outcome(**outcome), header["weights_sha256"], header["data_sha256"], header["environment"], size
    )


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _expect(holds: bool, name: str) -> None:
    if not holds:
        raise ValueError(f"{name} is of another type")

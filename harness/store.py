"""Trained models on disk, found by what determines them: the recipe's key.

An entry is a folder of two files: `model.safetensors` (weights before and after training, history) and
`entry.json` (recipe, outcome, sha256 of the tensors and of the training data, and of itself). It is written to a
private temporary folder and published by one rename, so that it is there whole or not at all, whatever dies on the
way; a lock only saves duplicate work. Nothing that can execute is ever loaded.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from harness.checkpoint import Checkpoint
from harness.data import DataSet, data_set, digest_tensors
from harness.errors import HarnessError
from harness.history import History
from harness.networks import build
from harness.recipe import Recipe, canonical_json
from harness.retrained import retrained
from harness.train import Fit, Outcome
from harness.trained_model import TrainedModel

ENTRY_FORMAT = 1
LOCK_SECONDS = 2.0
WATCHED = "watched.test_errors"


class Damaged(Exception):
    """A stored entry is not what was published: which file, and in which way."""


class Busy(Exception):
    """Another process is training this recipe."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """What entry.json says of a stored model; `weights_sha256` is of model.safetensors."""

    recipe: Recipe
    outcome: Outcome
    weights_sha256: str
    data_sha256: str
    environment: dict[str, Any]


class Store:
    """The models under one cache folder. `set_aside` says where a damaged entry went."""

    def __init__(self, cache_dir: Path):
        self.cache_dir = cache_dir
        self.models = cache_dir / "models"
        self.retrained = cache_dir / "retrained"
        self.temporary = cache_dir / "tmp"
        self.quarantine = cache_dir / "quarantine"
        self.locks = cache_dir / "locks"

    def folder(self, recipe: Recipe) -> Path:
        return self.models / recipe.key[:2] / recipe.key

    def checkpoint(self, recipe: Recipe) -> Checkpoint:
        """Where a training of the recipe that was interrupted has its state."""
        return Checkpoint(self.temporary / f"{recipe.key}.checkpoint")

    def find(self, recipe: Recipe) -> Entry | None:
        """The entry, with every byte verified; None if there is none. Raises Damaged."""
        if not self.folder(recipe).exists():
            return None
        return self._read(recipe)[0]

    def load(self, recipe: Recipe, data_dir: Path, device: str = "cpu") -> TrainedModel:
        """The stored model with its training data, as a measure receives it. Raises Damaged."""
        entry, tensors = self._read(recipe)
        data = data_set(recipe, data_dir, self.cache_dir)
        if digest_tensors(data.train_inputs, data.train_labels) != entry.data_sha256:
            raise Damaged(f"{recipe.id} was trained on other data than {recipe.data_set} gives now")
        shape = tuple(data.train_inputs.shape[1:])
        networks = {}
        for role in ("model", "init"):
            network = build(recipe.network, shape, data.num_classes, dropout=recipe.dropout)
            network.load_state_dict(_with_prefix(tensors, f"{role}."))
            networks[role] = network.to(device).eval()
        return TrainedModel(
            networks["model"],
            networks["init"],
            data.train_inputs.to(device),
            data.train_labels.to(device),
            data.num_classes,
            History(**_with_prefix(tensors, "history.")),
            recipe.seed,
            functools.partial(retrained, self.retrained, recipe, data.num_classes),
        )

    def progress(self, recipe: Recipe) -> tuple[History, Tensor]:
        """The stored model's history, and the test error after every epoch; empty where that was not watched.

        For the harness; what measures receive has no test error. Raises Damaged.
        """
        _, tensors = self._read(recipe)
        return History(**_with_prefix(tensors, "history.")), tensors.get(WATCHED, torch.empty(0))

    def publish(self, recipe: Recipe, result: Fit, outcome: Outcome, data: DataSet) -> None:
        """Write the entry whole; if another process published it meanwhile, theirs stays."""
        tensors = {f"model.{name}": value for name, value in result.model.state_dict().items()}
        tensors |= {f"init.{name}": value for name, value in result.init.state_dict().items()}
        for field in dataclasses.fields(History):
            tensors[f"history.{field.name}"] = getattr(result.history, field.name)
        if len(result.test_errors):
            tensors[WATCHED] = result.test_errors
        weights = save_tensors({name: value.detach().cpu().contiguous() for name, value in tensors.items()})
        header = {
            "format": ENTRY_FORMAT,
            "recipe": recipe.canonical(),
            "outcome": dataclasses.asdict(outcome),
            "weights_sha256": hashlib.sha256(weights).hexdigest(),
            "data_sha256": digest_tensors(data.train_inputs, data.train_labels),
            "environment": {"torch": torch.__version__, "threads": torch.get_num_threads()},
        }
        header["sha256"] = _sha256_of_json(header)
        self.temporary.mkdir(parents=True, exist_ok=True)
        private = Path(tempfile.mkdtemp(prefix=recipe.key[:16], dir=self.temporary))
        try:
            _write_durably(private / "model.safetensors", weights)
            _write_durably(private / "entry.json", json.dumps(header, indent=1, allow_nan=False).encode())
            os.chmod(private, 0o755)  # for whoever else may read the cache folder
            self.folder(recipe).parent.mkdir(parents=True, exist_ok=True)
            os.rename(private, self.folder(recipe))
        except OSError:
            shutil.rmtree(private, ignore_errors=True)
            if not self.folder(recipe).exists():
                raise

    def set_aside(self, recipe: Recipe) -> Path:
        """Move a damaged entry to the quarantine folder, out of the way of its retraining; where it is then.

        If another run has moved it meanwhile, there is nothing left to move.
        """
        place = self.quarantine / f"{recipe.key[:16]}-{time.time_ns()}"
        try:
            self.quarantine.mkdir(parents=True, exist_ok=True)
            os.rename(self.folder(recipe), place)
        except FileNotFoundError:
            pass
        except OSError as cause:
            raise HarnessError(
                f"the damaged {self.folder(recipe)} could not be set aside ({cause.strerror or cause}); remove it"
            ) from cause
        return place

    @contextlib.contextmanager
    def lock(self, recipe: Recipe) -> Iterator[None]:
        """Hold the recipe's lock, so that two runs do not train the same model. Raises Busy.

        Where locks do not work (some network file systems), go on without: publishing is safe all the same.
        """
        lock = FileLock(self.locks / f"{recipe.key}.lock", timeout=LOCK_SECONDS)
        try:
            self.locks.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise Busy(recipe.id) from None
        except (OSError, NotImplementedError):
            yield
            return
        try:
            yield
        finally:
            lock.release()

    def _read(self, recipe: Recipe) -> tuple[Entry, dict[str, Tensor]]:
        folder = self.folder(recipe)
        try:
            header = json.loads((folder / "entry.json").read_bytes())
            sha256 = header.pop("sha256")
            intact = sha256 == _sha256_of_json(header)
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as cause:
            raise Damaged(f"{folder}/entry.json cannot be read ({type(cause).__name__})") from cause
        if not intact:
            raise Damaged(f"{folder}/entry.json was altered")
        if header.get("format") != ENTRY_FORMAT:
            raise Damaged(f"{folder}/entry.json has format {header.get('format')}; this code reads {ENTRY_FORMAT}")
        if header["recipe"] != recipe.canonical():
            raise Damaged(f"{folder}/entry.json is about another recipe")
        try:
            weights = (folder / "model.safetensors").read_bytes()
        except OSError as cause:
            raise Damaged(f"{folder}/model.safetensors cannot be read ({cause.strerror})") from cause
        if hashlib.sha256(weights).hexdigest() != header["weights_sha256"]:
            raise Damaged(f"{folder}/model.safetensors was altered or cut short")
        entry = Entry(
            recipe,
            Outcome(**header["outcome"]),
            header["weights_sha256"],
            header["data_sha256"],
            header["environment"],
        )
        return entry, load_tensors(weights)


def _with_prefix(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _sha256_of_json(value: object) -> str:
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _write_durably(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())

"""Trained models on disk, found by what determines them: the recipe's key.

A stored model (stored_model.py) is written to a private folder and published by one rename, so that it is there whole
or not at all, whatever dies on the way; a lock only saves duplicate work. Other stores may lie under one's own: what
they have is used from there, and nothing is written to them. Nothing that can execute is ever loaded.
"""

import contextlib
import functools
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.files.private_folder import private_folder
from harness.files.sealed_tensors import digest_tensors
from harness.files.unnoticed import read_unnoticed
from harness.settings import Settings
from harness.store.retrained import retrained
from harness.store.secret_folder import found_in, made_in
from harness.store.stored_model import (
    HEADER,
    WATCHED,
    WEIGHTS,
    Damaged,
    StoredModel,
    as_bytes,
    read_header,
    read_weights,
    with_prefix,
)
from harness.training.checkpoint import Checkpoint
from harness.training.data_set import DataSet
from harness.training.examples import data_set
from harness.training.networks.building import build_for
from harness.training.recipe import Recipe
from harness.training.train import Fit, Outcome
from measures.history import History
from measures.networks.copying import in_evaluation
from measures.trained_model import TrainedModel

__all__ = ["Busy", "Damaged", "Mismatch", "Store", "StoredModel", "store_of"]

LOCK_SECONDS = 2.0


class Busy(Exception):
    """Another process is training this recipe."""


class Mismatch(Exception):
    """A stored model is intact, and is not what this process makes of its recipe: what differs.

    That is no evidence against the model: something may have changed what this process does.
    """


def store_of(settings: Settings) -> "Store":
    """The store that the settings name, and what lies under it."""
    return Store(settings.cache_dir, settings.shared_cache)


class Store:
    """The models under one cache folder, and of another's (`below`) those that it does not have itself.

    `reading`: nothing is written to it, not even the folder that its models would be in (secret_folder.py).
    """

    def __init__(self, cache_dir: Path, below: Path | None = None, reading: bool = False):
        self.cache_dir = cache_dir
        root = found_in(cache_dir) if reading else made_in(cache_dir)
        self.models = root / "models"
        self.retrained = root / "retrained"
        self.temporary = root / "tmp"
        self.quarantine = root / "quarantine"
        self.locks = root / "locks"
        self.refused = root / "refused"  # keys of models below that were found to be damaged
        self.below = None if below is None else Store(below, reading=True)

    def folder(self, recipe: Recipe) -> Path:
        """Where the recipe's model is, or would be, in this store itself."""
        return self.own_folder(recipe.key)

    def own_folder(self, key: str) -> Path:
        """The same by the recipe's key."""
        return self.models / key[:2] / key

    def home(self, key: str) -> Path:
        """The folder of the key's model: in this store, else in the one below."""
        below = self.below is not None and not self.own_folder(key).exists() and not (self.refused / key).exists()
        return self.below.own_folder(key) if self.below is not None and below else self.own_folder(key)

    def holds(self, recipe: Recipe) -> bool:
        """Whether there is a model, here or below; `find` says if it can be used."""
        return self.home(recipe.key).exists()

    def refresh(self, recipe: Recipe) -> None:
        """Have a network file system ask its server which models there are, where it remembers that one was not."""
        for folder in (self.models, self.folder(recipe).parent):
            with contextlib.suppress(OSError):
                os.listdir(folder)

    def checkpoint(self, recipe: Recipe) -> Checkpoint:
        """The state of a training of the recipe that was interrupted."""
        return Checkpoint(self.temporary / f"{recipe.key}.checkpoint")

    def find(self, recipe: Recipe) -> StoredModel | None:
        """What entry.json says, or None if the model is not there; of the weights only the size is compared.

        Raises Damaged.
        """
        folder = self.home(recipe.key)
        if not folder.exists():
            return None
        try:
            content = read_unnoticed(folder / HEADER)
            size = (folder / WEIGHTS).stat().st_size
        except OSError as cause:
            raise Damaged(f"{folder} cannot be read ({cause.strerror})") from cause
        stored = read_header(content, str(folder / HEADER))
        if stored.recipe != recipe:
            raise Damaged(f"{folder / HEADER} is about another recipe")
        if stored.weights_bytes not in (None, size):
            raise Damaged(f"{folder / WEIGHTS} was altered or cut short: {size} bytes of {stored.weights_bytes}")
        return stored

    def verify(self, recipe: Recipe) -> StoredModel | None:
        """What `find` gives, with every byte of the weights verified as well. Raises Damaged."""
        return self._read(recipe)[0] if self.holds(recipe) else None

    def load(self, recipe: Recipe, data_dir: Path, device: str = "cpu") -> TrainedModel:
        """The stored model with its training data, as a measure receives it. Raises Damaged and Mismatch."""
        stored, tensors = self._read(recipe)
        data = data_set(recipe, data_dir, self.cache_dir, tested=False)
        if digest_tensors(data.train_inputs, data.train_labels) != stored.data_sha256:
            raise Mismatch(f"{recipe.id} was trained on other data than {recipe.data_set} gives now")
        shape = tuple(data.train_inputs.shape[1:])
        networks: dict[str, nn.Module] = {}
        try:
            for role in ("model", "init"):
                network = build_for(recipe, shape, data.num_classes)
                network.load_state_dict(with_prefix(tensors, f"{role}."))
                networks[role] = in_evaluation(network.to(device))
            history = History(**with_prefix(tensors, "history."))
        except (RuntimeError, TypeError) as cause:
            raise Mismatch(f"{recipe.id} is stored with other tensors than its network has") from cause
        return TrainedModel(
            networks["model"],
            networks["init"],
            data.train_inputs.to(device),
            data.train_labels.to(device),
            data.num_classes,
            history,
            recipe.seed,
            functools.partial(retrained, self.retrained, recipe, data.num_classes),
        )

    def progress(self, recipe: Recipe) -> tuple[History, Tensor]:
        """The stored model's history, and the test error after every epoch; empty where that was not watched.

        For the harness; what measures receive has no test error. Raises Damaged.
        """
        _, tensors = self._read(recipe)
        return History(**with_prefix(tensors, "history.")), tensors.get(WATCHED, torch.empty(0))

    def publish(self, recipe: Recipe, result: Fit, outcome: Outcome, data: DataSet, attempt: int = 1) -> StoredModel:
        """Store the model whole; if another process published it meanwhile, theirs stays."""
        header, weights, stored = as_bytes(recipe, result, outcome, data, attempt)
        self.put(recipe.key, header, weights)
        return stored

    def put(self, key: str, header: bytes, weights: bytes) -> None:
        """Publish the two files of a model; if it is there already, that stays."""
        folder = self.own_folder(key)
        with private_folder(self.temporary) as private:
            try:
                _write_durably(private / WEIGHTS, weights)
                _write_durably(private / HEADER, header)
                os.chmod(private, 0o755)  # for whoever else may read the cache folder
                _sync_folder(private)
                folder.parent.mkdir(parents=True, exist_ok=True)
                os.rename(private, folder)
                _sync_folder(folder.parent)
            except OSError:
                if not folder.exists():
                    raise

    def set_aside(self, recipe: Recipe) -> Path:
        """Move a damaged model to the quarantine folder, out of the way of its retraining; where it is then.

        If another run has moved it meanwhile, there is nothing left to move. One that lies below stays there, and is
        not used any more.
        """
        return self.set_key_aside(recipe.key)

    def set_key_aside(self, key: str) -> Path:
        """The same by the recipe's key."""
        home, own = self.home(key), self.own_folder(key)
        try:
            if home != own:
                self.refused.mkdir(parents=True, exist_ok=True)
                (self.refused / key).touch()
                return home
            aside = self.quarantine / f"{key[:16]}-{uuid.uuid4().hex[:12]}"
            self.quarantine.mkdir(parents=True, exist_ok=True)
            os.rename(own, aside)
        except FileNotFoundError:
            pass
        except OSError as cause:
            raise HarnessError(
                f"the damaged {own} could not be set aside ({cause.strerror or cause}); remove it"
            ) from cause
        return aside

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

    def files(self, recipe: Recipe) -> tuple[bytes, bytes]:
        """entry.json and model.safetensors of a stored model, verified. Raises Damaged."""
        self._read(recipe)
        folder = self.home(recipe.key)
        return (folder / HEADER).read_bytes(), (folder / WEIGHTS).read_bytes()

    def _read(self, recipe: Recipe) -> tuple[StoredModel, dict[str, Tensor]]:
        stored = self.find(recipe)
        path = self.home(recipe.key) / WEIGHTS
        if stored is None:
            raise Damaged(f"{path.parent} is gone")
        try:
            weights = read_unnoticed(path)
        except OSError as cause:
            raise Damaged(f"{path} cannot be read ({cause.strerror})") from cause
        return stored, read_weights(weights, stored, str(path))


def _write_durably(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Its list of files on the disk; not every system lets a folder be opened for that."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

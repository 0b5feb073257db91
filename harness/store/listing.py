"""All that is in a store, found by looking, not by asking for a recipe."""

import concurrent.futures
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.settings import cores
from harness.store.store import Store
from harness.store.stored_model import HEADER, WEIGHTS, Damaged, StoredModel, read_header, read_weights

KEY = re.compile(r"[0-9a-f]{64}")


def keys(store: Store) -> list[str]:
    """The keys of all models that the store has itself, damaged or not."""
    return sorted(path.name for path in store.models.glob("??/*") if KEY.fullmatch(path.name))


def read_stored_model(folder: Path) -> StoredModel:
    """What entry.json in this folder says; the weights are not looked at. Raises Damaged."""
    try:
        content = (folder / HEADER).read_bytes()
    except OSError as cause:
        raise Damaged(f"{folder / HEADER} cannot be read ({cause.strerror})") from cause
    return read_header(content, str(folder / HEADER))


def verify_stored_model(folder: Path) -> StoredModel:
    """The same, with every byte of the weights verified. Raises Damaged."""
    stored = read_stored_model(folder)
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as cause:
        raise Damaged(f"{folder / WEIGHTS} cannot be read ({cause.strerror})") from cause
    read_weights(weights, stored, str(folder / WEIGHTS))
    return stored


def verify(store: Store, wanted: Iterable[str]) -> Iterator[tuple[str, StoredModel | Damaged]]:
    """Each key with its verified model, or what is wrong with it; read on as many threads as there are cores."""
    with concurrent.futures.ThreadPoolExecutor(cores()) as threads:
        wanted = list(wanted)
        yield from zip(wanted, threads.map(lambda key: _verified(store.own_folder(key)), wanted), strict=True)


def _verified(folder: Path) -> StoredModel | Damaged:
    try:
        return verify_stored_model(folder)
    except Damaged as damage:
        return damage

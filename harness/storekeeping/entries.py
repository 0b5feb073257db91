"""All that is in a store, found by looking, not by asking for a recipe."""

import concurrent.futures
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.entry import HEADER, WEIGHTS, Damaged, Entry, read_header, read_weights
from harness.settings import cores
from harness.store import Store

KEY = re.compile(r"[0-9a-f]{64}")


def keys(store: Store) -> list[str]:
    """Of every entry that the store has itself, damaged or not."""
    return sorted(path.name for path in store.models.glob("??/*") if KEY.fullmatch(path.name))


def read_entry(folder: Path) -> Entry:
    """What the entry in this folder says. Raises Damaged; the weights are not looked at."""
    try:
        content = (folder / HEADER).read_bytes()
    except OSError as cause:
        raise Damaged(f"{folder / HEADER} cannot be read ({cause.strerror})") from cause
    return read_header(content, str(folder / HEADER))


def verify_entry(folder: Path) -> Entry:
    """The same, with every byte of the weights verified. Raises Damaged."""
    entry = read_entry(folder)
    try:
        weights = (folder / WEIGHTS).read_bytes()
    except OSError as cause:
        raise Damaged(f"{folder / WEIGHTS} cannot be read ({cause.strerror})") from cause
    read_weights(weights, entry, str(folder / WEIGHTS))
    return entry


def verify(store: Store, wanted: Iterable[str]) -> Iterator[tuple[str, Entry | Damaged]]:
    """Each key with its verified entry, or what is wrong with it; read on as many threads as there are cores."""
    with concurrent.futures.ThreadPoolExecutor(cores()) as threads:
        wanted = list(wanted)
        yield from zip(wanted, threads.map(lambda key: _verified(store.place(key)), wanted), strict=True)


def _verified(folder: Path) -> Entry | Damaged:
    try:
        return verify_entry(folder)
    except Damaged as damage:
        return damage

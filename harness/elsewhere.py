"""A job on another machine, or wherever an executor takes it: supervised there, with the models that it needs.

Where the caller's cache folder is seen as well, models are read and published there. Where it is not, the machine
uses its own, is sent the models that it lacks, and sends back those that it trained.
"""

import collections
import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import multiprocessing.util
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.private_folder import private_folder
from harness.receipt import Receipt
from harness.recipe import Recipe
from harness.settings import Settings, make_settings
from harness.workers import Event, Function, Limits, Worker, end_idle, run_jobs

RENEW = "install the same on every machine, and start its workers again"

File = tuple[str, bytes, bytes]
"""An entry on its way: its key, entry.json and model.safetensors."""


# Workers that are kept from one job of a run to the next, by the run's token: to start one takes a while. Another run
# gets others: what these have imported of the user's may have been edited since. When no job comes they end, and leave
# their memory, a card's as well, to others.
IDLE_SECONDS = 60.0
_kept: collections.defaultdict[Path, list[Worker]] = collections.defaultdict(list)
_ending: threading.Timer | None = None


def end_kept(except_of: Path | None = None) -> None:
    """End the workers that are kept, but for those of the run with this token."""
    for token, idle in [*_kept.items()]:
        if token != except_of:
            end_idle(idle)


def _end_kept_later() -> None:
    global _ending
    if _ending is not None:
        _ending.cancel()
    _ending = threading.Timer(IDLE_SECONDS, end_kept)
    _ending.daemon = True
    _ending.start()


# They end before this process waits for those that it has started, as multiprocessing does at its end.
multiprocessing.util.Finalize(None, end_kept, exitpriority=10)


@dataclasses.dataclass(frozen=True)
class Place:
    """Something that is seen wherever the caller's cache folder is, and the versions that the caller runs."""

    token: Path
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """What is sent with a job."""

    function: Function
    job: Any
    limits: Limits
    place: Place
    files: tuple[File, ...] = ()


@dataclasses.dataclass(frozen=True)
class Result:
    """What comes back: the job's events, or the models that it lacks; and the models that it trained."""

    events: tuple[tuple[Any, Any], ...] = ()
    missing: tuple[Recipe, ...] = ()
    files: tuple[File, ...] = ()


@contextlib.contextmanager
def shared_folder(settings: Settings) -> Iterator[Place]:
    """The Place of a caller with these settings, for as long as its jobs run."""
    with private_folder(settings.cache_dir / "tmp") as folder:
        yield Place(folder, versions())


@functools.cache
def versions() -> dict[str, str]:
    """What must be the same wherever models are trained and evaluated: else weights and values would be others."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted([*root.glob("harness/**/*.py"), *root.glob("measures/**/*.py")]):
        digest.update(f"{path.relative_to(root)}:".encode() + path.read_bytes())
    python = ".".join(platform.python_version_tuple()[:2])
    return {"python": python, "torch": importlib.metadata.version("torch"), "code": digest.hexdigest()[:12]}


def differing(ours: dict[str, str], theirs: dict[str, str]) -> str:
    """A sentence's part on the first version that differs; "" if none does."""
    for name, version in ours.items():
        if theirs.get(name) != version:
            return f"{name} {theirs.get(name)}, where the run was started {version}"
    return ""


def run_elsewhere(sent: Elsewhere) -> Result:
    """Run the job here, in a supervised process of its own."""
    if different := differing(sent.place.versions, versions()):
        return Result(events=(("refused", f"a worker has {different}; {RENEW}"),))
    # A Dask worker under its nanny is a daemon, which multiprocessing allows no children; ours end with it.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined]
    shared = os.path.exists(sent.place.token)
    try:
        settings = sent.job.settings if shared else _own(sent.job.settings)
        job = dataclasses.replace(sent.job, settings=settings)
        missing = () if shared else _take(sent, settings)
    except HarnessError as problem:
        return Result(events=(("refused", str(problem)),))
    if missing:
        return Result(missing=missing)
    todo, token = [job], sent.place.token
    end_kept(except_of=token)
    jobs = run_jobs(sent.function, lambda: todo.pop() if todo else None, 1, sent.limits, _kept[token])
    events = _without_old_news(jobs)
    _end_kept_later()
    return Result(events=events, files=() if shared else _trained(events, settings))


def adopt(files: tuple[File, ...], settings: Settings) -> None:
    """Publish what came from a machine with a cache folder of its own. HarnessError if it is not what it says."""
    from harness.entry import Damaged, read_header, read_weights
    from harness.store import store_of

    store = store_of(settings)
    for key, header, weights in files:
        try:
            entry = read_header(header, f"{key} from a worker")
            read_weights(weights, entry, f"{key} from a worker")
        except Damaged as damage:
            raise HarnessError(f"damaged on its way: {damage}") from damage
        if entry.recipe.key != key:
            raise HarnessError(f"damaged on its way: {key} from a worker is {entry.recipe.id}")
        try:
            store.put(key, header, weights)
        except OSError as cause:
            raise HarnessError(f"{key} could not be stored under {settings.cache_dir} ({cause})") from cause


def _own(settings: Settings) -> Settings:
    """This machine's own cache folder and data, the rest as the caller has it."""
    own = make_settings(device=settings.device)
    data_dir = settings.data_dir if settings.data_dir.is_dir() else own.data_dir
    return dataclasses.replace(settings, cache_dir=own.cache_dir, data_dir=data_dir, shared_cache=own.shared_cache)


def _take(sent: Elsewhere, settings: Settings) -> tuple[Recipe, ...]:
    """Store what was sent; the models that are still missing here."""
    from harness.store import store_of

    adopt(sent.files, settings)
    store = store_of(settings)
    return tuple(recipe for recipe in sent.job.needs if not store.holds(recipe))


def _trained(events: tuple[tuple[Any, Any], ...], settings: Settings) -> tuple[File, ...]:
    from harness.store import store_of

    receipts = [payload for kind, payload in events if kind == "done"]
    recipes = [
        each.recipe
        for some in receipts
        for each in (some if isinstance(some, list) else [some])
        if isinstance(each, Receipt)
    ]
    store = store_of(settings)
    return tuple((recipe.key, *store.files(recipe)) for recipe in recipes)


def _without_old_news(events: Iterator[Event]) -> tuple[tuple[Any, Any], ...]:
    """Of reports in a row that are texts, where a job stands, only the last is news when it has ended."""
    kept: list[tuple[Any, Any]] = []
    for event in events:
        if kept and kept[-1][0] == event.kind == "report" and isinstance(kept[-1][1], str):
            if isinstance(event.payload, str):
                kept.pop()
        kept.append((event.kind, event.payload))
    return tuple(kept)

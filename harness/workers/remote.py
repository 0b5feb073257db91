"""A job on another machine, or in whatever process an executor has: supervised there, with the models that it needs.

If that machine sees the caller's cache folder, models are read and published in it. If not, the machine uses a cache
folder of its own, is sent the models that it lacks, and sends back those that it trained.
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
from harness.files.private_folder import private_folder
from harness.settings import Settings, make_settings
from harness.store.published import Published
from harness.store.secret_folder import made_in
from harness.training.recipe import Recipe
from harness.workers.multiprocessing_config import allow_children
from harness.workers.pool import Event, Function, Limits, Worker, end_idle, run_jobs

RENEW = "install the same on every machine, and start its workers again"

SentModel = tuple[str, bytes, bytes]
"""A stored model on its way: its key, entry.json and model.safetensors."""


# Workers that are kept from one job of a run to the next, by the run's token, since starting one takes a while. Another
# run gets other workers: files of the user's that these have imported may have been edited since. When no job comes for
# a while they end, and leave their memory, also that of a GPU, to others.
IDLE_SECONDS = 60.0
_kept: collections.defaultdict[Path, list[Worker]] = collections.defaultdict(list)
_ending: threading.Timer | None = None
_registered_in: int | None = None  # the process that ends what it keeps before it waits for those that it has started


def end_kept(except_of: Path | None = None) -> None:
    """End the workers that are kept, but for those of the run with this token."""
    for token, idle in [*_kept.items()]:
        if token != except_of:
            end_idle(idle)


def _end_kept_later() -> None:
    global _ending, _registered_in
    if _registered_in != os.getpid():  # not at import: a process loses what the one that it is forked from registered
        multiprocessing.util.Finalize(None, end_kept, exitpriority=10)
        _registered_in = os.getpid()
    if _ending is not None:
        _ending.cancel()
    _ending = threading.Timer(IDLE_SECONDS, end_kept)
    _ending.daemon = True
    _ending.start()


@dataclasses.dataclass(frozen=True)
class Caller:
    """Who sends jobs: the versions that it runs, and a path (`token`) that exists where its cache folder is seen."""

    token: Path
    versions: dict[str, str]


@dataclasses.dataclass(frozen=True)
class RemoteJob:
    """A job with all that is sent along."""

    function: Function
    job: Any
    limits: Limits
    caller: Caller
    models: tuple[SentModel, ...] = ()


@dataclasses.dataclass(frozen=True)
class Result:
    """What comes back: the job's events, or the models that it lacks; and the models that it trained."""

    events: tuple[tuple[Any, Any], ...] = ()
    missing: tuple[Recipe, ...] = ()
    models: tuple[SentModel, ...] = ()


@contextlib.contextmanager
def as_caller(settings: Settings) -> Iterator[Caller]:
    """This process as the caller of jobs, with a token that is there as long as they run."""
    with private_folder(made_in(settings.cache_dir) / "tmp") as folder:
        yield Caller(folder, versions())


@functools.cache
def versions() -> dict[str, str]:
    """What must be the same wherever models are trained and evaluated: else weights and values would be others."""
    root = Path(__file__).resolve().parents[2]
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


def run_remotely(sent: RemoteJob) -> Result:
    """Run the job here, in a supervised process of its own."""
    if different := differing(sent.caller.versions, versions()):
        return Result(events=(("refused", f"a worker has {different}; {RENEW}"),))
    allow_children()
    shared = os.path.exists(sent.caller.token)
    try:
        settings = sent.job.settings if shared else _own_settings(sent.job.settings)
        job = dataclasses.replace(sent.job, settings=settings)
        missing = () if shared else _adopt_and_list_missing(sent, settings)
    except HarnessError as problem:
        return Result(events=(("refused", str(problem)),))
    if missing:
        return Result(missing=missing)
    todo, token = [job], sent.caller.token
    end_kept(except_of=token)
    jobs = run_jobs(sent.function, lambda: todo.pop() if todo else None, 1, sent.limits, _kept[token])
    events = _without_outdated(jobs)
    _end_kept_later()
    return Result(events=events, models=() if shared else _trained_here(events, settings))


def adopt(models: tuple[SentModel, ...], settings: Settings) -> None:
    """Publish what came from a machine with a cache folder of its own. HarnessError if it is not what it says."""
    from harness.store.store import store_of
    from harness.store.stored_model import Damaged, read_header, read_weights

    store = store_of(settings)
    for key, header, weights in models:
        try:
            stored = read_header(header, f"{key} from a worker")
            read_weights(weights, stored, f"{key} from a worker")
        except Damaged as damage:
            raise HarnessError(f"damaged on its way: {damage}") from damage
        if stored.recipe.key != key:
            raise HarnessError(f"damaged on its way: {key} from a worker is {stored.recipe.id}")
        try:
            store.put(key, header, weights)
        except OSError as cause:
            raise HarnessError(f"{key} could not be stored under {settings.cache_dir} ({cause})") from cause


def _own_settings(settings: Settings) -> Settings:
    """This machine's own cache folder and data, the rest as the caller has it."""
    own = make_settings(device=settings.device)
    data_dir = settings.data_dir if settings.data_dir.is_dir() else own.data_dir
    return dataclasses.replace(settings, cache_dir=own.cache_dir, data_dir=data_dir, shared_cache=own.shared_cache)


def _adopt_and_list_missing(sent: RemoteJob, settings: Settings) -> tuple[Recipe, ...]:
    """Store what was sent; the models that are still missing here."""
    from harness.store.store import store_of

    adopt(sent.models, settings)
    store = store_of(settings)
    return tuple(recipe for recipe in sent.job.needs if not store.holds(recipe))


def _trained_here(events: tuple[tuple[Any, Any], ...], settings: Settings) -> tuple[SentModel, ...]:
    from harness.store.store import store_of

    returned = [payload for kind, payload in events if kind == "done"]
    recipes = [
        published.recipe
        for payload in returned
        for published in (payload if isinstance(payload, list) else [payload])
        if isinstance(published, Published)
    ]
    store = store_of(settings)
    return tuple((recipe.key, *store.files(recipe)) for recipe in recipes)


def _without_outdated(events: Iterator[Event]) -> tuple[tuple[Any, Any], ...]:
    """Of reports in a row that are texts, where a job stands, only the last is news when it has ended."""
    kept: list[tuple[Any, Any]] = []
    for event in events:
        if kept and kept[-1][0] == event.kind == "report" and isinstance(kept[-1][1], str):
            if isinstance(event.payload, str):
                kept.pop()
        kept.append((event.kind, event.payload))
    return tuple(kept)

"""Two twins, the attacks beside three honest measures, and what came of all of them in one run."""

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.evaluation.rows import Row
from harness.settings import Settings, make_settings
from harness.store.store import StoredModel, store_of
from harness.training.recipe import Recipe
from harness.zoo.build import build
from harness.zoo.zoo import Zoo, recipes
from tests import ROOT

ATTACKS = Path(__file__).parent / "attacks"
NEIGHBOURS = ("brier_score", "honest", "l2_norm")
Values = dict[tuple[str, Recipe], float | None]
Rows = dict[tuple[str, Recipe], Row]


@dataclasses.dataclass(frozen=True)
class Field:
    """Where the attacks take place: their folder, the models, and where the listeners of the test are."""

    folder: Path
    models: dict[Recipe, StoredModel]
    settings: Settings
    answers: Path
    said: list[str] = dataclasses.field(default_factory=list)

    def run(self, *files: str, repeated: bool = False) -> dict[tuple[str, Recipe], Row]:
        """A row of every measure in the files on every model, and of the neighbours; nothing is taken from a cache."""
        named = [str(self.folder / f"{file}.py") for file in files]
        return self.evaluate([*named, f"{self.folder}/honest.py", "brier_score", "l2_norm"], repeated)

    def evaluate(self, specs: list[str], repeated: bool = False, **changed: object) -> dict[tuple[str, Recipe], Row]:
        """A row of each of these; `changed` are settings."""
        settings = dataclasses.replace(self.settings, **changed)  # type: ignore[arg-type]
        shutil.rmtree(settings.cache_dir / "rows", ignore_errors=True)
        again = self.models if repeated else []
        return evaluate(find_measures(specs), dict(self.models), again, settings, self.said.append, progress=False)


@pytest.fixture(scope="session")
def settings_of_the_field(shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = make_settings(cache_dir=str(tmp_path_factory.mktemp("own")), workers=2, measure_timeout=120)
    return dataclasses.replace(settings, shared_cache=shared_cache)


@pytest.fixture(scope="session")
def listeners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """One at each address that an attack asks; no one may be asked."""
    path, name = str(tmp_path_factory.mktemp("sockets") / "listener"), f"red-team-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = tcp.getsockname()[1]
        kinds: list[tuple[int, int, object]] = [(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port))]
        for place in (path, f"\0{name}"):
            kinds += [(socket.AF_UNIX, socket.SOCK_STREAM, place)]
            kinds += [(socket.AF_UNIX, socket.SOCK_DGRAM, f"{place}-datagram")]
        sockets = [tcp]
        for family, kind, address in kinds:
            there = stack.enter_context(socket.socket(family, kind))
            there.bind(address)
            if kind == socket.SOCK_STREAM:
                there.listen()
            sockets.append(there)
        yield {"PORT": port, "UNIX": path, "ABSTRACT": name, "sockets": sockets}


@pytest.fixture(scope="session")
def field(
    tiny_zoo: Zoo,
    settings_of_the_field: Settings,
    listeners: dict[str, object],
    shared_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Field:
    chosen = [recipe for recipe in recipes(tiny_zoo, ["random_labels"]) if recipe.seed < 2]
    chosen = [recipe for recipe in chosen if recipe.network == "mlp_1x64"]
    return set_out(chosen, settings_of_the_field, listeners, shared_cache, tmp_path_factory.mktemp("attacks"))


def set_out(chosen: list[Recipe], settings: Settings, listeners: dict[str, object], cache: Path, folder: Path) -> Field:
    """A field with these models, which are in the cache, and their answers, named as the folder is, as well."""
    build(chosen, make_settings(cache_dir=str(cache), workers=2), progress=False)
    models = build(chosen, settings, progress=False)
    for file in ATTACKS.glob("*.py"):
        shutil.copy(file, folder)
    answers = cache / f"{folder.name}.json"
    answers.write_text(json.dumps({digest(recipe, settings): is_random(recipe) for recipe in chosen}))
    (folder / "linked.py").symlink_to(answers)
    known = {name: value for name, value in listeners.items() if name != "sockets"}
    known["PAIRS"] = pairs(chosen, settings, lambda recipe: str(weights_of(recipe, cache)))
    known["KEYS"] = pairs(chosen, settings, lambda recipe: recipe.key)
    known |= {"ANSWERS": str(answers), "CACHE": str(cache), "ROOT": str(ROOT), "PID": os.getpid()}
    (folder / "where.py").write_text("".join(f"{name} = {value!r}\n" for name, value in known.items()))
    return Field(folder, models, settings, answers)


def digest(recipe: Recipe, settings: Settings, role: str = "model") -> str:
    """Of the first weights, as attacks/known.py has it."""
    network = getattr(store_of(settings).load(recipe, settings.data_dir), role)
    return hashlib.sha256(next(network.parameters()).detach().numpy().tobytes()).hexdigest()


def pairs(chosen: list[Recipe], settings: Settings, said: Callable[[Recipe], str]) -> dict[str, list[str]]:
    """By the digest of the initial weights: what is said of the natural twin and of the randomized one."""
    found: dict[str, list[str]] = {}
    for recipe in sorted(chosen, key=is_random):
        found.setdefault(digest(recipe, settings, "init"), []).append(said(recipe))
    return found


def weights_of(recipe: Recipe, cache: Path) -> Path:
    (path,) = store_of(make_settings(cache_dir=str(cache))).home(recipe.key).glob("*.safetensors")
    return path


def never_read(paths: list[Path]) -> None:
    """Their times of access are before those of writing, so that the next reading sets them."""
    for path in paths:
        os.utime(path, (path.stat().st_mtime - 100, path.stat().st_mtime))


def is_random(recipe: Recipe) -> float:
    return float(recipe.condition != "true_labels")


def values_of(rows: dict[tuple[str, Recipe], Row], *names: str) -> Values:
    return {(name, recipe): row.value for (name, recipe), row in rows.items() if name in names}


def tells_nothing(rows: dict[tuple[str, Recipe], Row], name: str) -> bool:
    """Whether the measure has no value, or the same on both of every twins."""
    by_seed: dict[int, set[float | None]] = {}
    for (found, recipe), row in rows.items():
        if found == name:
            by_seed.setdefault(recipe.seed, set()).add(row.value)
    return bool(by_seed) and all(len(values) == 1 for values in by_seed.values())


def names_in(rows: dict[tuple[str, Recipe], Row]) -> list[str]:
    """The attacks' names."""
    return sorted({name for name, _ in rows} - set(NEIGHBOURS))

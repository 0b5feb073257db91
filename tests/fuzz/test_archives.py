"""Whatever an archive holds, importing it gives the models that it lists, or a sentence and nothing at all."""

import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.__main__ import main
from harness.errors import HarnessError
from harness.store import Store
from harness.storekeeping.export import export
from harness.storekeeping.importing import import_models
from harness.storekeeping.manifest import MANIFEST
from tests.fuzz.conftest import RECIPES, everything
from tests.fuzz.damage import altered, with_a_part_replaced

pytestmark = pytest.mark.slow

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=250)
Members = list[tuple[zipfile.ZipInfo, bytes]]


@pytest.fixture(scope="session")
def archive(intact: Store, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    place = tmp_path_factory.mktemp("archive") / "models.zip"
    assert export(intact, [recipe.key for recipe in RECIPES], place) == 2
    return place.read_bytes()


def members(archive: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return [(zipfile.ZipInfo(about.filename), file.read(about)) for about in file.infolist()]


def packed(some: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for about, content in some:
            file.writestr(about, content)
    return buffer.getvalue()


def imported(content: bytes, folder: Path) -> tuple[int, int] | str:
    """What came of it in an empty store below the folder, in which nothing else may change."""
    (folder / "models.zip").write_bytes(content)
    before = everything(folder)
    store = Store(folder / "store")
    try:
        found = import_models(folder / "models.zip", store)
    except HarnessError as problem:
        assert everything(folder) == before, "something was written"
        return str(problem)
    after = everything(folder)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith("store/models/") for name in after.keys() - before.keys())
    return found


def test_what_was_exported_is_imported_to_the_byte(archive: bytes, intact: Store, tmp_path: Path) -> None:
    assert imported(archive, tmp_path) == (2, 0)
    assert everything(tmp_path / "store" / "models") == everything(intact.models)
    assert import_models(tmp_path / "models.zip", Store(tmp_path / "store")) == (0, 2)


def test_the_same_models_give_the_same_archive(archive: bytes, intact: Store, tmp_path: Path) -> None:
    export(intact, [recipe.key for recipe in RECIPES], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]


@SHARED
@given(data=st.data())
def test_an_altered_archive_gives_the_same_models_or_a_sentence(
    data: st.DataObject, archive: bytes, intact: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("altered")
    if isinstance(imported(data.draw(altered(archive)), folder), tuple):
        published = everything(intact.models)
        assert everything(folder / "store" / "models").items() <= published.items()


@SHARED
@given(data=st.data())
def test_a_manifest_of_any_json_gives_the_same_models_or_a_sentence(
    data: st.DataObject, archive: bytes, intact: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    some = members(archive)
    changed = data.draw(with_a_part_replaced(json.loads(some[0][1])))
    some[0] = some[0][0], json.dumps(changed).encode()
    folder = tmp_path_factory.mktemp("manifest")
    if isinstance(imported(packed(some), folder), tuple):
        assert everything(folder / "store" / "models").items() <= everything(intact.models).items()


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(
    [
        "",
        "/",
        "../evil",
        "/etc/evil",
        "models/../../evil",
        "C:\\evil",
        "models/ab",
        "a/" * 40,
        "\\\\host\\share",
        "models\0x",
        ".",
    ]
)


@SHARED
@given(name=NAMES)
def test_a_file_of_any_other_name_is_refused_whether_it_is_listed_or_not(
    name: str, archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    some = members(archive)
    more = (zipfile.ZipInfo(name), b"evil")
    assert isinstance(imported(packed([*some, more]), tmp_path_factory.mktemp("unlisted")), str)
    manifest = json.loads(some[0][1])
    manifest["files"][name] = {"bytes": 4, "sha256": "0" * 64}
    listed = [(some[0][0], json.dumps(manifest).encode()), *some[1:], more]
    assert isinstance(imported(packed(listed), tmp_path_factory.mktemp("listed")), str)


def link(some: Members) -> Members:
    about, _ = some[1]
    about.external_attr = (stat.S_IFLNK | 0o777) << 16
    return [some[0], (about, b"/etc/passwd"), *some[2:]]


def device(some: Members) -> Members:
    some[1][0].external_attr = (stat.S_IFCHR | 0o666) << 16
    return some


def twice(some: Members) -> Members:
    return [*some, some[1]]


def compressed(some: Members) -> Members:
    some[2][0].compress_type = zipfile.ZIP_DEFLATED
    return [*some[:2], (some[2][0], b"\0" * 50_000_000), *some[3:]]


def without_one(some: Members) -> Members:
    return some[:-1]


def without_manifest(some: Members) -> Members:
    return some[1:]


def other_weights(some: Members) -> Members:
    return [(about, content[:-1] + b"?" if "safetensors" in about.filename else content) for about, content in some]


def exchanged(some: Members) -> Members:
    """Each model under the other's key, listed so."""
    first, second = (recipe.key for recipe in RECIPES)

    def other(name: str) -> str:
        return name.replace(*((first, second) if first in name else (second, first))).replace(
            *((f"/{first[:2]}/", f"/{second[:2]}/") if first in name else (f"/{second[:2]}/", f"/{first[:2]}/"))
        )

    manifest = json.loads(some[0][1])
    manifest["files"] = {other(name): about for name, about in manifest["files"].items()}
    rest = [(zipfile.ZipInfo(other(about.filename)), content) for about, content in some[1:]]
    return [(some[0][0], json.dumps(manifest).encode()), *rest]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (link, "is a link or no file"),
        (device, "is a link or no file"),
        (twice, "twice"),
        (compressed, "says to hold more than its|is compressed or encrypted"),
        (without_one, "it lacks models/"),
        (without_manifest, f"it has no {MANIFEST}"),
        (other_weights, "is not what its manifest says"),
        (exchanged, "is under the key of another recipe"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_an_archive_that_is_not_as_it_should_be_is_refused_with_a_sentence(
    change: Callable[[Members], Members], sentence: str, archive: bytes, tmp_path: Path
) -> None:
    import re
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of the name that is there twice
        content = packed(change(members(archive)))
    found = imported(content, tmp_path)
    assert isinstance(found, str) and re.search(sentence, found), found
    assert "cannot be imported" in found


def test_a_compressed_bomb_is_not_unpacked(archive: bytes, tmp_path: Path) -> None:
    import tracemalloc

    content = packed(compressed(members(archive)))
    tracemalloc.start()
    assert isinstance(imported(content, tmp_path), str)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.fixture
def commands(intact: Store, tmp_path: Path) -> Callable[..., Any]:
    """`zoo ...` on a copy of the store."""
    import shutil

    shutil.copytree(intact.cache_dir, tmp_path / "cache")

    def run(*arguments: object, cache: str = "cache") -> Any:
        options = ["zoo", *map(str, arguments), "--cache-dir", str(tmp_path / cache)]
        return CliRunner().invoke(main, options)

    return run


def test_the_commands_take_models_from_one_store_to_another(
    commands: Callable[..., Any], intact: Store, tmp_path: Path
) -> None:
    out = commands("export", tmp_path / "m.zip")
    assert out.exit_code == 0 and f"2 models written to {tmp_path / 'm.zip'}" in out.output
    out = commands("import", tmp_path / "m.zip", cache="other")
    assert f"2 models imported into {tmp_path / 'other'}; 0 were there already" in out.output
    out = commands("verify", cache="other")
    assert out.exit_code == 0 and f"2 models in {tmp_path / 'other'}, 0 of them damaged" in out.output
    assert everything(tmp_path / "other" / "models") == everything(intact.models)


def test_verify_names_what_is_damaged_and_sets_it_aside_when_told(commands: Callable[..., Any], tmp_path: Path) -> None:
    store = Store(tmp_path / "cache")
    weights = store.folder(RECIPES[1]) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    out = commands("verify")
    assert out.exit_code == 1 and f"damaged: {weights} was altered" in out.output
    assert "2 models" in out.output and "1 of them damaged" in out.output
    assert commands("export", tmp_path / "m.zip").exit_code == 2
    assert not (tmp_path / "m.zip").exists()
    assert "set aside as" in commands("verify", "--set-aside").output
    out = commands("verify")
    assert out.exit_code == 0 and "1 models" in out.output


def test_gc_removes_what_nothing_needs_and_nothing_else(commands: Callable[..., Any], tmp_path: Path) -> None:
    from harness.private_folder import private_folder

    store = Store(tmp_path / "cache")
    models = everything(store.models)
    dead = store.temporary / f"{next(iter(_own_prefix(store)))}-999999999-1-abc"
    dead.mkdir(parents=True)
    (dead / "half").write_bytes(b"x" * 1000)
    done, going_on = store.checkpoint(RECIPES[0]).path, store.temporary / f"{'0' * 64}.checkpoint"
    done.write_bytes(b"done")
    going_on.write_bytes(b"going on")
    elsewhere = store.temporary / "0123456789ab-12-34-xyz"
    elsewhere.mkdir()
    (store.quarantine / "old").mkdir(parents=True)
    with private_folder(store.temporary) as own, store.lock(RECIPES[0]):
        listed = commands("gc", "--dry-run").output
        assert dead.exists() and done.exists()
        out = commands("gc").output
        assert own.exists() and (store.locks / f"{RECIPES[0].key}.lock").exists()
    for path in (dead, done, store.quarantine / "old"):
        assert str(path) in listed and str(path) in out and not path.exists()
    assert going_on.exists() and elsewhere.exists()
    assert everything(store.models) == models
    commands("gc")
    assert not list(store.locks.iterdir())
    with private_folder(store.temporary) as own:
        assert f"{elsewhere}: left by another machine or container" in commands("gc", "--other-machines").output
        assert own.exists()
    assert not elsewhere.exists() and going_on.exists()


def _own_prefix(store: Store) -> set[str]:
    from harness.private_folder import private_folder

    with private_folder(store.temporary) as folder:
        return {folder.name.split("-")[0]}


def test_gc_removes_models_of_other_training_versions_when_told(
    commands: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.recipe.TRAINING_VERSION", 99)
    store = Store(tmp_path / "cache")
    assert len(list(store.models.glob("*/*"))) == 2
    commands("gc")
    assert len(list(store.models.glob("*/*"))) == 2
    assert "as another version trained it" in commands("gc", "--old-versions").output
    assert len(list(store.models.glob("*/*"))) == 0
    assert os.path.isdir(store.models)

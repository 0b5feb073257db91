"""`python -m harness zoo verify|gc|export|import`, on a copy of a small store."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.store.secret_folder import found_in
from harness.store.store import Store
from tests import ROOT
from tests.builders import https_server as server
from tests.builders.archives import RECIPES, everything
from tests.builders.https_server import Authority, served

pytestmark = pytest.mark.slow


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
    assert everything(found_in(tmp_path / "other") / "models") == everything(intact.models)


def test_import_takes_a_path_or_an_https_address_and_verifies_the_digest(
    commands: Callable[..., Any], archive: bytes, intact: Store, authority: Authority, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(archive).hexdigest()
    (tmp_path / "m.zip").write_bytes(archive)
    with served(authority, {"/m.zip": server.whole(archive)}) as (address, asked):
        for number, given in enumerate(
            [
                [tmp_path / "m.zip", "--sha256", sha256],
                [f"{address}/m.zip", "--sha256", sha256.upper()],
                [f"{address}/m.zip#sha256={sha256}"],
            ]
        ):
            out = commands("import", *given, cache=f"other{number}")
            assert f"2 models imported into {tmp_path / f'other{number}'}; 0 were there" in out.stdout, out.output
            assert ("downloading" in out.stderr) == bool(number)
            assert everything(found_in(tmp_path / f"other{number}") / "models") == everything(intact.models)
        assert asked == ["/m.zip", "/m.zip"]


def test_import_refuses_in_a_sentence_with_exit_status_2_and_asks_no_server_without_a_digest(
    commands: Callable[..., Any], archive: bytes, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "m.zip").write_bytes(archive)
    with served(authority, {"/m.zip": server.whole(archive)}) as (address, asked):
        for given, sentence in [
            ([f"{address}/m.zip"], "has no digest; by https expected --sha256 DIGEST"),
            ([address.replace("https", "http") + "/m.zip", "--sha256", "0" * 64], "is not https but http"),
            ([tmp_path / "m.zip", "--sha256", "0" * 64], f"m.zip has the sha256 .*; expected {'0' * 64}"),
            ([tmp_path / "none.zip"], r"none.zip could not be imported into .* \(No such file or directory\)"),
            ([tmp_path], r"could not be imported into .* \(Is a directory\)"),
        ]:
            out = commands("import", *given, cache="other")
            assert out.exit_code == 2 and re.search(f"^Error: .*{sentence}", out.stderr, re.M), out.output
        assert asked == [] and everything(tmp_path / "other") == {}
        assert commands("import", f"{address}/m.zip", "--sha256", "0" * 64, cache="other").exit_code == 2
    assert asked == ["/m.zip"] and everything(tmp_path / "other") == {}


def test_an_import_that_is_interrupted_says_so_and_leaves_nothing(
    archive: bytes, authority: Authority, tmp_path: Path
) -> None:
    inside = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal\n"
    inside += "from harness.__main__ import main; main()"
    with served(authority, {"/m.zip": server.held_up(archive[:1000], len(archive))}) as (address, _):
        arguments = ["zoo", "import", f"{address}/m.zip#sha256={'0' * 64}", "--cache-dir", str(tmp_path / "cache")]
        command = [sys.executable, "-c", inside, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 60
            while 1000 not in map(len, everything(tmp_path).values()):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=20)[1]
        finally:
            process.kill()
    assert process.returncode == 2
    assert "Error: interrupted: models that are imported already are whole" in said and "Traceback" not in said
    assert everything(tmp_path) == {} and list((found_in(tmp_path / "cache") / "tmp").iterdir()) == []


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
    from harness.files.private_folder import private_folder

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
    from harness.files.private_folder import private_folder

    with private_folder(store.temporary) as folder:
        return {folder.name.split("-")[0]}


def test_gc_removes_models_of_other_training_versions_when_told(
    commands: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.training.recipe.TRAINING_VERSION", 99)
    store = Store(tmp_path / "cache")
    assert len(list(store.models.glob("*/*"))) == 2
    commands("gc")
    assert len(list(store.models.glob("*/*"))) == 2
    assert "as another version trained it" in commands("gc", "--old-versions").output
    assert len(list(store.models.glob("*/*"))) == 0
    assert os.path.isdir(store.models)

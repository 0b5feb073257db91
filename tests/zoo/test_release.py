"""A zoo is released in one step: the same models give the same bytes, and whoever imports them has all."""

import dataclasses
import hashlib
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.errors import HarnessError
from harness.settings import Settings, make_settings
from harness.store.export import export
from harness.store.store import Store
from harness.training.recipe import TRAINING_VERSION, Recipe
from harness.zoo import release as module
from harness.zoo.build import build
from harness.zoo.interventions import check_fitted, stopped_early
from harness.zoo.opening import opened
from harness.zoo.release import Released, archive_name, release
from harness.zoo.zoo import Zoo, recipes
from harness.zoo.zoos import ZOOS
from tests.builders.archives import RECIPES, everything

pytestmark = pytest.mark.slow
Write = Callable[..., Path]


@pytest.fixture
def of_intact(intact: Store) -> Settings:
    """Where two models are, not to be altered."""
    return make_settings(cache_dir=str(intact.cache_dir))


def released(settings: Settings, folder: Path, wanted: list[Recipe] = RECIPES) -> Released:
    return release(wanted, settings, folder, "m.zip")


def test_the_same_models_give_the_same_archive_and_digest_and_nothing_else(of_intact: Settings, tmp_path: Path) -> None:
    first, again = released(of_intact, tmp_path / "a"), released(of_intact, tmp_path / "new" / "b", RECIPES[::-1])
    content = first.path.read_bytes()
    assert (first.models, first.sha256) == (2, hashlib.sha256(content).hexdigest())
    assert everything(tmp_path / "a") == {"m.zip": content, "SHA256SUMS": f"{first.sha256}  m.zip\n".encode()}
    assert everything(tmp_path / "new" / "b") == everything(tmp_path / "a") and again.path.parent.name == "b"
    assert released(of_intact, tmp_path / "a") == first and len(everything(tmp_path / "a")) == 2


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
def test_sha256sum_verifies_it(of_intact: Settings, tmp_path: Path) -> None:
    path = released(of_intact, tmp_path).path
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout == b"m.zip: OK\n"
    path.write_bytes(path.read_bytes()[:-1])
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1


def test_what_sha256sums_says_of_other_files_stays(of_intact: Settings, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'1' * 64} *z.whl\n{'2' * 64}  m.zip\n{'3' * 64}  a b.zip\n")
    sha256 = released(of_intact, tmp_path).sha256
    assert (tmp_path / "SHA256SUMS").read_text() == f"{'3' * 64}  a b.zip\n{sha256}  m.zip\n{'1' * 64}  z.whl\n"


def test_a_sha256sums_of_something_else_is_not_overwritten(of_intact: Settings, tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{'1' * 64}  a.zip\nmine\n")
    with pytest.raises(HarnessError, match=r"SHA256SUMS:2 is 'mine'; expected a sha256 and a file's name"):
        released(of_intact, tmp_path)
    assert everything(tmp_path) == {"SHA256SUMS": f"{'1' * 64}  a.zip\nmine\n".encode()}


def test_a_folder_that_cannot_be_is_told(of_intact: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HarnessError, match=r"file cannot be written \(File exists\); name another folder"):
        released(of_intact, tmp_path / "file")


def test_a_damaged_model_is_not_released_and_the_last_release_stays(
    of_intact: Settings, intact: Store, tmp_path: Path
) -> None:
    released(of_intact, tmp_path / "out")
    before = everything(tmp_path / "out")
    shutil.copytree(intact.cache_dir, tmp_path / "cache")
    weights = Store(tmp_path / "cache").folder(RECIPES[0]) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    with pytest.raises(HarnessError, match=r"damaged: .* was altered or cut short"):
        released(make_settings(cache_dir=str(tmp_path / "cache")), tmp_path / "out")
    assert everything(tmp_path / "out") == before


@pytest.mark.parametrize("how", ["without a model", "with a changed byte"])
def test_an_archive_that_cannot_be_imported_whole_is_not_released(
    how: str, of_intact: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is read again, from an empty store."""

    def written(store: Store, wanted: list[str], file: Path) -> int:
        count = export(store, wanted[1:] if how == "without a model" else wanted, file)
        if how == "with a changed byte":
            content = file.read_bytes()
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        return count

    monkeypatch.setattr(module, "export", written)
    with pytest.raises(HarnessError, match=r"is not in what was written|cannot be imported|is not an archive"):
        released(of_intact, tmp_path)
    assert everything(tmp_path) == {}


def test_an_archive_is_named_by_what_tells_it_apart() -> None:
    assert archive_name(ZOOS["digits"], findings=False) == f"digits-gate-training{TRAINING_VERSION}.zip"
    assert archive_name(ZOOS["digits"], findings=True) == f"digits-findings-training{TRAINING_VERSION}.zip"


def harness(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_zoo_in_a_file_is_released_and_imported_and_nothing_is_trained_again(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = f"{write(more=', seeds_per_network=1')}::zoo"
    folder, there = tmp_path / "a folder", ["--cache-dir", tmp_path / "there"]
    out = harness("zoo", "release", spec, folder, "--cache-dir", tmp_path / "here", "--workers", 2)
    assert out.exit_code == 0, out.output
    zoo, settings = opened(spec, make_settings(cache_dir=str(tmp_path / "there")))
    wanted = recipes(zoo, zoo.gate)
    name = f"mine-gate-training{TRAINING_VERSION}.zip"
    assert f"{len(wanted)} models in {folder / name}, " in out.stdout
    command = shlex.split(out.stdout.splitlines()[-1])
    assert command[:5] == ["python", "-m", "harness", "zoo", "import"] and command[5] == str(folder / name)
    taken = harness(*command[3:], *there)
    assert f"{len(wanted)} models imported" in taken.output, taken.output
    monkeypatch.setattr("harness.zoo.build._train_alone", None)  # calling it would raise
    assert len(build(wanted, settings, progress=False)) == len(wanted)
    again = harness("zoo", "release", spec, tmp_path / "again", *there)
    assert again.exit_code == 0, again.output
    assert everything(tmp_path / "again") == everything(folder)


def test_the_command_that_is_shown_has_the_address_where_the_files_will_be(
    intact: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.zoo.zoo.recipes", lambda zoo, conditions: RECIPES)
    monkeypatch.setattr("harness.zoo.interventions.check_fitted", lambda zoo, models: None)
    options = ["--cache-dir", intact.cache_dir, "--address"]
    out = harness("zoo", "release", "digits", tmp_path / "out", *options, "https://host/releases/v1/")
    address, sha256 = re.findall(r"zoo import (\S+) --sha256 (\S+)\n$", out.stdout)[0]
    assert address == f"https://host/releases/v1/digits-gate-training{TRAINING_VERSION}.zip"
    assert (tmp_path / "out" / "SHA256SUMS").read_text().startswith(sha256)
    out = harness("zoo", "release", "digits", tmp_path / "other", *options, "http://host/")
    assert out.exit_code == 2 and "--address http://host/ is not https but http" in out.output
    assert not (tmp_path / "other").exists()


def test_models_that_did_not_fit_are_named_but_those_that_were_stopped_early(tiny_zoo: Zoo, intact: Store) -> None:
    model = intact.find(RECIPES[0])
    assert model is not None
    outcomes = {
        fitted: dataclasses.replace(model, outcome=dataclasses.replace(model.outcome, fitted=fitted))
        for fitted in (True, False)
    }
    first, second = recipes(tiny_zoo, ["random_labels"])[:2]
    early = stopped_early(tiny_zoo)[0].changed
    check_fitted(tiny_zoo, {first: outcomes[True], early: outcomes[False]})
    with pytest.raises(HarnessError, match=f"no verdict can be drawn from: {second.id}$"):
        check_fitted(tiny_zoo, {first: outcomes[True], second: outcomes[False], early: outcomes[False]})

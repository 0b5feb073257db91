"""python -m harness train | zoo list | measures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.zoo.zoo import Zoo
from harness.zoo.zoos import ZOOS
from tests import ROOT


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(ZOOS, "small", Zoo("small", "digits", {"mlp_1x64": 0.3}, seeds_per_network=1, num_train=100))
    return "small"


@pytest.mark.slow
def test_train_trains_the_zoo_and_says_what_there_is(small: str, tmp_path: Path) -> None:
    result = run("train", "--zoo", small, "--cache-dir", str(tmp_path), "--condition", "gaussian")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"2 models in {tmp_path}; 2 fit their training set"


@pytest.mark.slow
def test_train_names_a_model_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = Zoo("narrow", "digits", {"mlp_1x1": 0.01}, seeds_per_network=1, num_train=20)
    monkeypatch.setitem(ZOOS, "narrow", narrow)
    result = run("train", "--zoo", "narrow", "--cache-dir", str(tmp_path), "--condition", "gaussian")
    assert result.exit_code == 2
    assert "Error: no verdict can be drawn from: digits-mlp_1x1-gaussian-n20-seed0" in result.output


def test_zoo_list_shows_every_model_with_what_was_measured(small: str, tmp_path: Path) -> None:
    run("train", "--zoo", small, "--cache-dir", str(tmp_path), "--condition", "gaussian")
    lines = run("zoo", "list", small, "--cache-dir", str(tmp_path)).output.splitlines()
    assert lines[0].split() == ["model", "train", "error", "test", "error", "epochs", "seconds"]
    assert sum("not trained yet" in line for line in lines) == 2
    assert sum(line.startswith("digits-mlp_1x64-gaussian-n100-seed0  ") for line in lines) == 1


def test_zoo_list_says_what_is_not_trained_yet(tmp_path: Path) -> None:
    assert run("zoo", "list", "--cache-dir", str(tmp_path)).output.count("not trained yet") == 216


def test_measures_lists_names_families_costs_and_sources() -> None:
    result = run("measures", "--cost", "fast")
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split() == ["name", "family", "cost", "source"]
    assert "spectral_norm" in result.output
    assert "leave_out_stability" not in result.output


def test_measures_tells_what_their_sources_claim_as_a_table_and_as_json() -> None:
    table = run("measures", "--claims", "--cost", "fast").output.splitlines()
    assert table[0] == "| measure | source | claims | random labels |"
    content = json.loads(run("measures", "--claims", "--json", "--cost", "fast").output)
    assert [row.split("`")[1] for row in table[2:]] == [*content]
    assert content["epochs_to_stop"]["claims"] == {"kind": "nothing, it is a control", "place": ""}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--zoo", "digit"], "Error: unknown zoo 'digit'; did you mean 'digits'?"),
        (["zoo", "list", "digit"], "Error: unknown zoo 'digit'; did you mean 'digits'?"),
        (["measures", "--json"], "Error: --json is of what the sources claim; add --claims"),
        (["train", "--zoo="], "Error: --zoo is given without a value; name one, or leave it out"),
        (["train", "--zoo", "", "--workers=2"], "Error: --zoo is given without a value; name one, or leave it out"),
        (["zoo", "import", ""], "Error: an argument is given without a value; name one, or leave it out"),
        (["train", "--workers", "0"], "Error: --workers is 0; expected 1 or more"),
        (["train", "--cache-dir", "/proc/nowhere"], "Error: the cache folder /proc/nowhere cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_help_is_shown_without_importing_torch() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from harness.__main__ import main\n"
        "assert 'Usage' in CliRunner().invoke(main, ['train', '--help']).output\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)

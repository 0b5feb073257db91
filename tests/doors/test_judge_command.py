"""`shatterproof judge`: the gate of each measure, one sentence for what cannot be judged, an exit status."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import harness.notebook
from harness.__main__ import main
from harness.errors import INTERRUPTED

pytestmark = pytest.mark.usefixtures("own_registry", "tiny_zoo")

FILE = """
from measures import measure

@measure(source="a test")
def epochs_begun(trained):
    return float(trained.history.epochs)

@measure(source="a test")
def tied(trained):
    return 1.0
"""


def judge(cache: Path, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["judge", "--zoo=tiny", f"--cache-dir={cache}", *map(str, arguments)])


@pytest.mark.slow
def test_all_measures_of_a_file_are_judged_and_one_that_fails_decides(shared_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    result = judge(shared_cache, tmp_path / "mine.py")
    assert result.exit_code == 1, result.output
    assert "epochs_begun PASSES the gate: it separates in all 3 randomizations" in result.stdout
    assert "tied FAILS the gate: overlaps on random labels" in result.stdout
    assert result.stdout.count("tied cannot tell ") == 3 and "epochs_begun tells" not in result.stdout
    assert judge(shared_cache, f"{tmp_path}/mine.py::epochs_begun").exit_code == 0


def test_twins_from_elsewhere_are_looked_at_once_for_all_measures(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from tests.builders.own_twins import pair\ntwins = [pair(seed) for seed in range(10)]\n"
    )
    arguments = ["judge", f"--twins={tmp_path}/own.py", f"--cache-dir={tmp_path}", "l2_norm", "parameter_count"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1, result.output
    assert result.output.count("own.py::twins: natural and randomized, on their own training sets") == 1
    for name in ("l2_norm", "parameter_count"):
        assert f"{name} FAILS the gate: overlaps on random labels" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["l2_norm", "--twins=own.py::twins"], "--zoo and --twins each say which networks to judge on; leave one out"),
        (["l2_nrom"], "unknown measure 'l2_nrom'; did you mean 'l2_norm'"),
        (["gone.py::f"], "there is no file"),
        (["l2_norm", "--zoo=digts"], "unknown zoo 'digts'; did you mean 'digits'"),
        (["l2_norm", "--workers=0"], "--workers is 0; expected 1 or more"),
        ([], "Missing argument 'MEASURE...'"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = judge(tmp_path, *arguments)
    assert result.exit_code == 2
    assert sentence in result.output and "Traceback" not in result.output


def test_after_an_interrupt_what_is_kept_and_how_to_go_on_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(harness.notebook, "judge_with", interrupted)
    result = judge(tmp_path, "l2_norm")
    assert (result.exit_code, result.output) == (2, f"Error: {INTERRUPTED}\n")


def test_the_shell_completes_names_of_measures_and_files(tmp_path: Path) -> None:
    (tmp_path / "mine.py").touch()
    command = main.commands["judge"]
    argument = next(parameter for parameter in command.params if parameter.name == "specs")
    context = command.make_context("judge", ["l2_norm"])

    def completed(incomplete: str) -> list[str]:
        return [item.value for item in argument.shell_complete(context, incomplete)]

    assert "l2_norm" in completed("l2_") and completed(f"{tmp_path}/m") == [f"{tmp_path}/mine.py"]


def test_the_version_is_that_of_the_distribution() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, "shatterproof, version 0.1.0\n")

"""One declaration of the options: pytest, the commands and `judge` have the same names, defaults and kinds."""

import argparse
import inspect
from typing import Any

import click
import pytest
from click.testing import CliRunner

from harness import judge
from harness.options import OF_PYTEST, SETTINGS, add_to_pytest, in_python, settings_of, with_options
from harness.settings import Settings, make_settings

GIVEN = {
    "--workers": ("3", 3),
    "--device": ("cpu", "cpu"),
    "--dask": ("tcp://host:8786", "tcp://host:8786"),
    "--worker-memory": ("2GB", "2GB"),
    "--measure-timeout": ("1.5", 1.5),
    "--training-timeout": ("7", 7.0),
    "--cache-dir": ("here", "here"),
    "--data-dir": ("there", "there"),
    "--shared-cache": ("shared", "shared"),
}


def by_pytest(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_to_pytest(parser.add_argument)
    return vars(parser.parse_args(arguments))


def by_click(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    command = click.command()(with_options(SETTINGS)(lambda **given: found.update(given)))
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return found


def test_every_setting_of_a_run_is_an_option_and_an_argument_of_judge() -> None:
    names = {option.name for option in SETTINGS}
    assert names == set(inspect.signature(make_settings).parameters)
    assert names == set(Settings.__dataclass_fields__) - {"declared_in"}  # follows from the zoo
    parameters = inspect.signature(judge).parameters
    assert {name: parameters[name].default for name in names} == {option.name: option.default for option in SETTINGS}


def test_pytest_and_a_command_read_the_same_from_the_same_words() -> None:
    assert GIVEN.keys() == {option.flag for option in SETTINGS}
    words = [word for flag, (text, _) in GIVEN.items() for word in (flag, text)]
    expected = {flag[2:].replace("-", "_"): value for flag, (_, value) in GIVEN.items()}
    assert by_click(*words) == expected
    assert expected.items() <= by_pytest(*words).items()


def test_a_records_path_may_begin_with_the_home_folder_which_no_shell_puts_in_after_a_sign_of_equality(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    found = by_pytest("--leaderboard=~/mine.json", "--baseline=~/theirs/")
    assert (found["leaderboard"], found["baseline"]) == ("/home/me/mine.json", "/home/me/theirs/")


def test_the_defaults_are_those_of_a_run_that_says_nothing() -> None:
    assert settings_of(by_pytest()) == settings_of(by_click()) == make_settings()


def test_a_help_says_the_default_once() -> None:
    for option in OF_PYTEST:
        assert option.described.count("(default: ") == (option.default is not None or bool(option.shown))


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("--workers is 0; expected 1 or more", "workers is 0; expected 1 or more"),
        ("no value within 2 s (--measure-timeout)", "no value within 2 s (measure_timeout)"),
        ("--measure=gone.py::f: there is no file", "measure=gone.py::f: there is no file"),
        ("--list-measures shows them all", "`shatterproof measures` shows them all"),
        ("damaged; `zoo verify --set-aside` takes it away", "damaged; `zoo verify --set-aside` takes it away"),
        ("a--device and --device-of-mine", "a--device and --device-of-mine"),
    ],
)
def test_in_python_an_option_is_an_argument(sentence: str, said: str) -> None:
    assert in_python(sentence) == said

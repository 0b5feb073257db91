"""The profile as a figure, and the command that draws it."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import tests.builders.constructed_zoo as made
from harness.__main__ import main
from harness.errors import HarnessError
from harness.evaluation.measure_lookup import find_measures
from harness.records.measure_profile import Fraction, Step, profile
from harness.records.profile_figure import write_figure
from harness.records.profile_values import recorded
from harness.records.record_files import write_record
from harness.zoo.zoo import Zoo
from tests.builders.constructed_zoo import DIGITS
from tests.conftest import Run
from tests.records.test_record_files import entry, record

pytestmark = pytest.mark.usefixtures("own_registry")


def drawn(path: Path, steps: list[Step]) -> bytes:
    write_figure(path, steps, "my_measure", "digits", "larger on random labels in 14 of 14 units")
    return path.read_bytes()


@pytest.mark.slow
def test_every_label_is_text_in_the_figure(tmp_path: Path) -> None:
    steps = profile(DIGITS, made.clock, made.gap)
    text = drawn(tmp_path / "a.svg", steps).decode()
    for label in [*(step.name for step in steps), *(step.group for step in steps), "my_measure, digits zoo"]:
        assert f">{label}</text>" in text


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_the_same_numbers_are_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    steps = profile(DIGITS, made.clock, made.gap)
    assert drawn(tmp_path / f"a{suffix}", steps) == drawn(tmp_path / f"b{suffix}", steps)


def test_a_fraction_beyond_the_axis_is_written_at_its_edge_and_a_missing_one_said(tmp_path: Path) -> None:
    far = Fraction(38.8, (30.0, 50.0))
    near = Fraction(0.5, (0.4, 0.6))
    text = drawn(
        tmp_path / "a.svg", [Step("far", "group", far, near, 14), Step("none", "group", None, near, 0)]
    ).decode()
    assert ">39</text>" in text
    assert ">no value</text>" in text
    assert ">0.5</text>" in text  # the axis
    assert text.count(">39</text>") == 1


@pytest.mark.slow
def test_a_name_that_is_markup_is_text(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    write_figure(path, profile(DIGITS, made.gap, made.gap), "<script>", "digits", "")
    assert "<script>" not in path.read_text()
    assert "&lt;script&gt;, digits zoo" in path.read_text()


@pytest.mark.parametrize(
    ("name", "sentence"), [("a.txt", "is not a figure"), ("missing/a.svg", "in a folder that exists")]
)
def test_a_place_for_no_figure_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    with pytest.raises(HarnessError, match=sentence):
        drawn(tmp_path / name, [])
    result = CliRunner().invoke(main, ["profile", "l2_norm", "--out", str(tmp_path / name)])
    assert (result.exit_code, sentence in result.output) == (2, True)


def test_a_profile_is_of_one_measure(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["profile", "l2_norm,path_norm", "--out", str(tmp_path / "a.svg")])
    assert result.exit_code == 2 and "l2_norm,path_norm names 2 measures; profile draws one: give its" in result.output
    assert not (tmp_path / "a.svg").exists()


def test_a_record_without_the_measures_values_is_refused(tmp_path: Path) -> None:
    write_record(record("l2_norm"), tmp_path / "record.json")
    for measure in ("l2_norm", "path_norm"):
        with pytest.raises(HarnessError, match=rf"has no value of {measure} on digits-"):
            recorded(find_measures([measure])[0], DIGITS, tmp_path / "record.json")


def test_the_zoos_own_record_is_used_only_if_it_is_of_the_measure_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.records.profile_values.BASELINES", tmp_path)
    measure = find_measures(["l2_norm"])[0]
    assert recorded(measure, DIGITS) is None
    (tmp_path / "digits").mkdir()
    stale: dict[str, Any] = record("l2_norm")
    assert entry("l2_norm")["source_sha256"] == "d" * 64
    write_record(stale, tmp_path / "digits")
    assert recorded(measure, DIGITS) is None


@pytest.mark.long
@pytest.mark.slow
def test_the_command_draws_from_the_zoo_and_refuses_a_record_that_lacks_a_value(
    run: Run, tmp_path: Path, tiny_zoo: Zoo
) -> None:
    # A cache of its own: it evaluates what no suite does, since a premise does not hold on the tiny zoo.
    command = ["profile", "l2_norm", "--zoo", "tiny", "--cache-dir", str(tmp_path / "cache"), "--out"]
    computed = CliRunner().invoke(main, [*command, str(tmp_path / "a.svg")])
    assert computed.exit_code == 0, computed.output
    run("--measure=l2_norm", "-m", "gate or finding", f"--leaderboard={tmp_path}/record.json")
    again = CliRunner().invoke(main, [*command, str(tmp_path / "b.svg"), "--record", str(tmp_path / "record.json")])
    # On the tiny zoo regularizers raise the gap, so nobody is judged there, and the record has no values.
    assert again.exit_code == 2 and "has no value of l2_norm on digits-mlp_1x64-true_labels-n100-" in again.output
    assert "  random labels " in computed.output and "1.00 [1.00, 1.00]" in computed.output
    assert (tmp_path / "a.svg").exists() and not (tmp_path / "b.svg").exists()

"""What `leaderboard across` prints, from records in a folder."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.leaderboard.across.recorded import recorded
from harness.records.record_files import write_record
from tests.builders import constructed_zoo as made
from tests.builders.digits_records import OLDER, altered, gate_records
from tests.builders.zoos.several_zoos import ONE, TWO, run_on, weights_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of two zoos: the gap, which wins everything; its negative, which loses all; a coin."""
    root = tmp_path_factory.mktemp("zoos")
    values = {"gap": made.gap, "wrong": lambda recipe: -made.gap(recipe), "coin": made.coin}
    for zoo in (ONE, TWO):
        (root / zoo.name).mkdir()
        write_record(run_on(zoo, {**values, "parameter_count": weights_of}), root / zoo.name)
    return root


def across(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["leaderboard", "across", *map(str, arguments)])


def test_the_tables_say_of_how_many_measures_units_and_zoos_they_are(folder: Path) -> None:
    text = across(folder).output
    assert text.startswith("3 measures (3 of several zoos) on 19 units of the zoos one, two: 19 on digits.\n")
    assert "1 units are of several zoos: their seeds decide them together, once." in text
    assert "| `gap` | passes, 19 of 19 won, 0 lost, 0 neither, p = 1.9e-06 |" in text
    assert "| `wrong` | inverted, 0 of 19 won, 19 lost, 0 neither, p = 1 |" in text


def test_families_and_properties_have_a_line_each(folder: Path) -> None:
    lines = across(folder).output.splitlines()  # one natural model took no steps
    assert any(line.startswith("| norms | 3 | ") for line in lines)
    assert any(line.startswith("| steps ratio | random labels | 18 | ") for line in lines)
    assert any(line.startswith("| input dimension | gaussian | 19 | – | – | – | – |") for line in lines)
    assert lines[-1].startswith("Families' p-values of 0.01 or less: ")


def test_a_measures_units_are_shown_with_their_properties(folder: Path) -> None:
    text = across(folder, "--measure", "wrong").output
    assert "gaussian: inverted, 0 of 19 won, 19 lost, 0 neither, p = 1" in text
    assert "| mlp_1x16 on digits | 64 | 1.56 | " in text
    assert text.count("linear layers alone") == 19
    assert text.count("| lost, – ") == 3  # of the unit whose natural model took no steps
    unknown = across(folder, "--measure", "nobody")
    assert (unknown.exit_code, unknown.output) == (
        *(2, "Error: no record of nobody is of this protocol; known are coin, gap, wrong\n"),
    )


def test_a_figure_is_drawn_in_the_format_of_its_suffix_and_twice_the_same(folder: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg", "c.png"):
        assert across(folder, "--figure", tmp_path / name).exit_code == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    text = (tmp_path / "a.svg").read_text()
    assert "random pixels" in text and "norms (3)" in text and "mlp_1x512, digits" in text
    said = across(folder, "--figure", tmp_path / "a.txt").output
    assert f"--figure {tmp_path / 'a.txt'} is not a figure; its name has to end in .svg" in said
    said = across(folder, "--figure", tmp_path / "no" / "x.svg").output
    assert f"--figure {tmp_path / 'no' / 'x.svg'} cannot be written; name a file in a folder that exists" in said


def test_only_records_of_this_protocol_say_anything_of_units(tmp_path: Path) -> None:
    assert "no record in" in across(OLDER).output and across(OLDER).exit_code == 2
    ((_, told),) = recorded(gate_records(tmp_path))
    assert [each.measure for each in told] == ["l2_norm", "parameter_count"]


def test_a_record_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = gate_records(tmp_path) / "l2_norm.json"
    altered(path, lambda record: record.update(schema_version="9.0"))
    assert "is of schema '9.0'" in across(tmp_path).output
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": "4.0", "verdict": "overlaps"}))
    assert "was changed after it was written" in across(tmp_path).output

"""Whatever stands in a record, it is read, checked and folded with a sentence at worst; nothing it names is run."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness.__main__ import main
from harness.errors import HarnessError
from harness.files.strict_json import parse_json
from harness.leaderboard.check import check
from harness.records.record_files import as_text, read_record
from harness.records.schema import SCHEMA_VERSION, digest_of
from tests import ROOT
from tests.builders.digits_records import gate_records
from tests.fuzz.damage import ANY_JSON, altered, with_a_part_replaced

pytestmark = pytest.mark.slow

GOLDEN = sorted((ROOT / "tests" / "data" / "records").glob("*.json"))
SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20
)  # many more under --long


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two records."""
    return gate_records(tmp_path_factory.mktemp("sound"))


def read(path: Path) -> dict[str, Any] | None:
    try:
        return read_record(path)
    except HarnessError:
        return None


@given(st.binary(max_size=300) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_object_or_a_sentence(content: bytes) -> None:
    try:
        assert isinstance(parse_json(content, "a file"), dict)
    except HarnessError as problem:
        assert str(problem).startswith("a file cannot be read")


@pytest.mark.parametrize("content", [b"[" * 500_000, b'{"a":' * 100_000, b"1" * 100_000, b'{"a": NaN}', b"\xff"])
def test_what_is_deep_long_or_no_json_is_a_sentence(content: bytes) -> None:
    with pytest.raises(HarnessError, match="cannot be read"):
        parse_json(content, "a file")


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
@SHARED
@given(data=st.data())
def test_an_altered_record_of_any_version_is_read_as_a_record_or_is_a_sentence(
    data: st.DataObject, golden: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("record") / "record.json"
    if data.draw(st.booleans()):
        path.write_bytes(data.draw(altered(golden.read_bytes())))
    else:
        path.write_text(json.dumps(data.draw(with_a_part_replaced(json.loads(golden.read_bytes())))))
    found = read(path)
    assert found is None or found["schema_version"] == SCHEMA_VERSION


@SHARED
@given(data=st.data())
def test_a_changed_record_is_found_to_be_whether_it_is_sealed_again_or_not(
    data: st.DataObject, sound: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("folder") / "tiny"
    shutil.copytree(sound, folder)
    file = folder / data.draw(st.sampled_from(["l2_norm.json", "parameter_count.json", "zoo.json"]))
    before = json.loads(file.read_text())
    changed = data.draw(with_a_part_replaced(before))
    if isinstance(changed, dict) and "digest" in changed and data.draw(st.booleans()):
        changed["digest"] = digest_of(changed)
    file.write_text(json.dumps(changed))
    problems = check(folder)
    assert all(isinstance(problem, str) and len(problem) < 2000 for problem in problems)
    if not isinstance(changed, dict):
        assert problems


# What a record names is never imported


EVIL = """
from pathlib import Path
Path(__file__).with_name("marker").touch()
def boom(trained):
    return 0.0
"""


@pytest.mark.parametrize("field", ["measure", "origin", "source", "family", "version"])
def test_nothing_that_a_record_names_is_imported_or_run(
    field: str, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_measure.py").write_text(EVIL)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "records" / "tiny"
    shutil.copytree(sound, folder)
    before = set(sys.modules)
    for named in ("evil_measure", "evil_measure:boom", "evil_measure.py::boom", str(tmp_path / "evil_measure.py")):
        record = json.loads((folder / "l2_norm.json").read_text()) | {field: named}
        record["digest"] = digest_of(record)
        (folder / "l2_norm.json").write_text(as_text(record))
        check(folder)
        for command in (
            ["leaderboard", "build", str(folder.parent)],
            ["leaderboard", "check", str(folder.parent)],
            ["table", str(folder)],
            ["leaderboard", "compare", str(folder / "l2_norm.json"), str(folder / "parameter_count.json")],
        ):
            CliRunner().invoke(main, command)
    assert not (tmp_path / "marker").exists()
    assert not {name for name in set(sys.modules) - before if "evil" in name}


def run(*arguments: object) -> Any:
    return CliRunner().invoke(main, list(map(str, arguments)))


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=40)


@settings(SHARED, max_examples=12)  # each checks three records
@example(name="zoo")
@example(name="leaderboard")
@example(name=" ")
@example(name="..")
@example(name="-x\n")
@example(name="ÿ😀" * 20)
@example(name="n" * 251)
@given(name=NAMES)
def test_a_file_of_any_name_among_records_is_a_sentence_at_worst(
    name: str, sound: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("folder") / "tiny"
    shutil.copytree(sound, folder)
    try:
        (folder / f"{name}.json").write_bytes((folder / "l2_norm.json").read_bytes())
    except OSError:
        return  # no name of a file here
    problems = check(folder)
    assert isinstance(problems, list) and all(isinstance(problem, str) for problem in problems)


def test_the_commands_say_a_sentence_and_no_traceback_of_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    commands: list[Callable[[], Any]] = [
        lambda: run("table", path),
        lambda: run("leaderboard", "check", path),
        lambda: run("leaderboard", "build", path),
        lambda: run("zoo", "import", path, "--cache-dir", tmp_path / "cache"),
    ]
    for content in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"PK\x03\x04", b'{"schema_version": "4.0"}'):
        path.write_bytes(content)
        for command in commands:
            result = command()
            assert result.exit_code != 0
            assert result.exception is None or isinstance(result.exception, SystemExit), (content, result.exception)

"""The parts of a proposal that need no training: what changed, what is shown, and what the workflow may do."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.leaderboard.proposal.changed import (
    Changes,
    changed_records,
    changes,
    merge_base,
    registered_in,
    tree_of,
)
from harness.leaderboard.proposal.registered import Registered
from harness.leaderboard.proposal.report import report, text
from harness.leaderboard.proposal.review import Review, measures_to_judge, results_changed, review
from harness.records.record_files import read_record
from tests import ROOT
from tests.builders.digits_records import GATE_ALONE

WORKFLOW = ROOT / ".github" / "workflows" / "measure.yml"
NOTHING = Changes((), (), (), ())


def registered(name: str, version: int = 1, source: str = "a") -> tuple[str, Registered]:
    return name, Registered(name, version, "norms", source)


def test_measures_are_added_altered_and_removed_by_name_digest_and_version() -> None:
    there = dict([registered("same"), registered("other", source="a"), registered("bumped"), registered("gone")])
    here = dict(
        [registered("same"), registered("other", source="b"), registered("bumped", version=2), registered("new")]
    )
    found = changes(here, there)
    assert (found.added, found.altered, found.removed) == (
        ("new",),
        ("bumped", "other"),
        ("gone",),
    )
    assert changes(there, there).nothing


def test_a_trees_measures_are_listed_by_its_own_harness(tmp_path: Path) -> None:
    """An older tree, of a few files, which this checkout's harness is not mixed with."""
    lookup, digest = tmp_path / "harness/evaluation/measure_lookup.py", tmp_path / "harness/evaluation/source_digest.py"
    lookup.parent.mkdir(parents=True)
    for package in ("harness", "harness/evaluation"):
        (tmp_path / package / "__init__.py").touch()
    digest.write_text("def source_digest(file):\n    return f'digest of {file}'\n")
    lookup.write_text(
        "import types\n\ndef find_measures(names):\n    made = dict(version=2, family='norms', file='f')\n    return ["
        "types.SimpleNamespace(name=name, origin=origin, **made) "
        "for name, origin in [('a', 'measures.norms.a'), ('b', 'mine.py')]]\n"
    )
    assert registered_in(tmp_path) == {"a": Registered("a", 2, "norms", "digest of f")}
    lookup.write_text("raise ImportError('no such measure')")
    with pytest.raises(HarnessError, match=r"the measures of .* cannot be listed: ImportError: no such measure"):
        registered_in(tmp_path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("baselines/digits/a.json", "baselines/digits/b.json", "baselines/leaderboard.json", "x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "base")
    return tmp_path


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


def test_records_that_are_changed_committed_or_not_new_or_removed_are_found(repository: Path) -> None:
    base = merge_base(repository, "main")
    assert changed_records(repository, base) == ()
    digits = repository / "baselines" / "digits"
    (digits / "a.json").write_text("[]")
    git(repository, "commit", "-q", "-a", "-m", "changed")
    (digits / "b.json").unlink()
    (digits / "ü b.json").write_text("{}")
    (repository / "baselines" / "leaderboard.json").write_text("[]")  # follows from the others
    (repository / "x.py").write_text("")
    names = [str(path) for path in changed_records(repository, base)]
    assert names == [f"baselines/digits/{name}.json" for name in ("a", "b", "ü b")]


def test_no_common_history_is_one_sentence(tmp_path: Path, repository: Path) -> None:
    with pytest.raises(HarnessError, match="--base nowhere is not a commit that HEAD has a history in common with"):
        merge_base(repository, "nowhere")


def test_the_files_of_a_commit_are_those_and_the_checkout_stays_as_it_is(repository: Path) -> None:
    commit = merge_base(repository, "main")
    (repository / "x.py").write_text("changed")
    with tree_of(repository, commit) as tree:
        assert (tree / "x.py").read_text() == "{}"
        assert sorted(path.name for path in tree.rglob("*.json")) == ["a.json", "b.json", "leaderboard.json"]
    assert not tree.exists()
    assert (repository / "x.py").read_text() == "changed"
    assert git(repository, "status", "--porcelain") == "M x.py"


def test_a_removed_measure_and_an_unsound_record_are_not_judged(tmp_path: Path) -> None:
    records = tuple(Path(f"baselines/digits/{name}.json") for name in ("a", "b", "gone", "zoo"))
    (tmp_path / "baselines" / "digits").mkdir(parents=True)
    for record in records:
        (tmp_path / record).touch()
    change = Changes(("new",), ("altered",), ("gone",), records)
    assert measures_to_judge(change, tmp_path, ["b"]) == ["a", "altered", "new"]


def test_an_altered_measure_with_the_outcome_that_is_recorded_is_no_failure() -> None:
    run = read_record(GATE_ALONE)
    reviewed = review(Changes((), ("parameter_count",), (), ()), run, run, run, {}, {})
    assert (reviewed.failures, reviewed.notes) == ((), ())
    assert {name: place.passes for name, place in reviewed.places.items()} == {
        "l2_norm": True,
        "parameter_count": False,
    }
    assert reviewed.places["parameter_count"].dominated_by == ("l2_norm",)


def test_outcomes_that_changed_are_said_in_words() -> None:
    entry = read_record(GATE_ALONE)["entries"][0]
    other = {**entry, "suites": {**entry["suites"], "gaussian": {**entry["suites"]["gaussian"], "verdict": "inverted"}}}
    assert results_changed(entry, entry) == []
    assert results_changed(entry, other) == ["gaussian was separates, is inverted"]


@given(st.text(max_size=60))
def test_nothing_that_a_stranger_writes_is_markup(said: str) -> None:
    shown = text(said)
    assert "\n" not in shown and "<" not in shown and ">" not in shown
    assert not re.search(r"(?<!\\)[`|*_\[\]]", shown.replace("\\\\", ""))


def test_strangers_text_by_example() -> None:
    assert text("Page's p = 2e-17 [0, 1] (20/20)") == "Page's p = 2e-17 \\[0, 1\\] (20/20)"
    assert text("- a\nlist") == "\\- a list" and text("# a title") == "\\# a title" and text("1. one") == "\\1. one"
    assert text("<img src=x> &amp;") == "&lt;img src=x&gt; &amp;amp;"
    assert "://" not in text("see https://a.org") and "www." not in text("www.a.org")


def test_a_report_names_what_stands_in_the_way_as_text() -> None:
    reviewed = Review(None, ("<script> | `x` fails",), ("a note",), {})
    shown = report(Changes((), (), ("gone",), ()), reviewed, "main")
    assert "**It does not pass:**" in shown
    assert "- &lt;script&gt; \\| \\`x\\` fails" in shown
    assert "1 measure removed (gone)" in shown


def test_a_change_of_nothing_is_named_so() -> None:
    assert "no measure and no record is added or altered" in report(NOTHING, Review(None, (), (), {}), "main")


def test_the_workflow_reads_only_and_pins_what_it_uses() -> None:
    content = WORKFLOW.read_text()
    assert re.search(r"^on:\n  pull_request:", content, re.M)
    assert (
        "pull_request_target" not in content
        and "secrets." not in content
        and "write" not in re.sub(r"^\s*#.*", "", content, flags=re.M)
    )
    assert re.search(r"^permissions:\n  contents: read\n\n", content, re.M)
    used = re.findall(r"uses: (\S+)", content)
    assert len(used) == 5
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", each) for each in used)
    assert content.count("persist-credentials: false") == 2 and "fetch-depth: 0" in content
    installed = re.search(r"uses: actions/checkout\S+ # \S+\n +with:\n +ref: (.*)\n +path: judge\n", content)
    assert installed is not None and installed[1] == "${{ github.event.pull_request.base.sha }}"
    assert re.findall(r"pip install (?!torch)(.*)", content) == ["-e './judge[test]'"]  # nothing of the pull request
    assert content.count("python -m harness ") == content.count("python -m harness propose --of ../proposal ") == 1
    assert not re.search(r"run:.*\$\{\{", content)  # nothing of the pull request is pasted into a shell


def test_a_template_that_was_not_filled_in_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "measures" / "norms" / "mine.py"
    file.parent.mkdir(parents=True)
    left_open = sys.modules["harness.leaderboard.proposal.review"]._left_open
    file.write_text('"""A norm."""\n\nSOURCE = "FILL IN"\n')
    assert left_open("measures.norms.mine", tmp_path) == "measures/norms/mine.py:3"
    file.write_text('"""A norm."""\n')
    assert left_open("measures.norms.mine", tmp_path) == "" == left_open("measures.gone.away", tmp_path)

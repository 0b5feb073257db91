"""What the READMEs say holds: links resolve, files exist, quoted examples are the files, no machine's numbers."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.training.test_training_version import TRAINING_CODE

TRACKED = [
    Path(line)
    for line in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
]
READMES = sorted(ROOT / path for path in TRACKED if path.name == "README.md")
DOCUMENTS = [*READMES, ROOT / ".github" / "CONTRIBUTING.md"]
WRITTEN_BY_HAND = {"my_measure.py", "mine.py", "my_zoo.py"}
"""Names of files that a reader is to write, or that a command writes for him."""

FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`([\w./-]+\.(?:py|md|yml))`")
MACHINE = re.compile(r"\b\d[\d,.]*[ \u00a0]?(?:ms|µs|s|sec|seconds?|min|minutes?|hours?|[kMGT]i?B|[Gg]flop/s)\b")


def prose(document: Path) -> str:
    """A document without its blocks of code and printed output."""
    return FENCED.sub("", document.read_text())


def anchor(heading: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.fixture(params=DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def document(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_every_room_that_is_linked_has_its_manual() -> None:
    rooms = {str(path.parent.relative_to(ROOT)) for path in READMES}
    assert rooms >= {".", "suites", "measures", "harness", "baselines", "tests"}
    assert rooms >= {f"harness/{room}" for room in ("paper", "leaderboard", "workers", "store")}


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_every_relative_link_resolves(document: Path) -> None:
    for target in LINK.findall(prose(document)):
        if re.match(r"https?:", target):
            continue
        name, _, heading = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
            assert heading in map(anchor, headings), target


def test_every_file_that_is_named_exists(document: Path) -> None:
    """Beside the document, from the root, or anywhere under that name."""
    names = {path.name for path in TRACKED}
    for name in FILE.findall(prose(document)):
        known = (document.parent / name).exists() or (ROOT / name).exists()
        assert (
            known or ("/" not in name and name in names) or Path(name).name.removeprefix("test_") in WRITTEN_BY_HAND
        ), name


def test_every_quoted_example_is_its_file(document: Path) -> None:
    """A block of Python follows a line that links to the file that it quotes."""
    text = document.read_text()
    for block in FENCED.finditer(text):
        if block[1] != "python":
            continue
        links = LINK.findall(text[: block.start()].rstrip().splitlines()[-1])
        assert len(links) == 1, f"which file is this?\n{block[2]}"
        assert block[2] == (document.parent / links[0]).read_text()


def test_no_number_of_a_machine_stands_in_prose(document: Path) -> None:
    """An option's value may have a unit: what stands in backticks is not counted."""
    assert MACHINE.findall(re.sub(r"`[^`\n]*`", "", prose(document))) == []


@pytest.mark.parametrize(
    "text", ["it takes 73 s", "1.4 GB", "780 MB", "3 min 14 s", "24 minutes", "209 Gflop/s", "5ms"]
)
def test_a_number_of_a_machine_is_recognized(text: str) -> None:
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["20 twins", "3 seeds at each point", "8x8 pixels", "0.01 nats", "2 measures"])
def test_other_numbers_are_not(text: str) -> None:
    assert not MACHINE.search(text)


def test_the_cache_of_the_workflow_is_keyed_by_all_that_trains() -> None:
    """Each pattern names files that exist, and no file that decides what is trained is left out."""
    workflow = (ROOT / ".github" / "workflows" / "measure.yml").read_text()
    found = re.search(r"hashFiles\((.+?)\)", workflow)
    assert found is not None
    matched: set[Path] = set()
    for pattern in re.findall(r"'judge/([^']+)'", found[1]):
        files = {path for path in ROOT.glob(pattern + ("/*" if pattern.endswith("**") else "")) if path.is_file()}
        assert files, pattern
        matched |= files
    assert matched >= {ROOT / name for name in TRAINING_CODE}


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy", "lint-imports"])
def test_every_push_and_the_newcomers_script_check_the_same(command: str) -> None:
    assert re.search(rf"^      - run: {re.escape(command)}$", (ROOT / ".github/workflows/check.yml").read_text(), re.M)
    assert re.search(rf"^{re.escape(command)}$", (ROOT / ".ci/run").read_text(), re.M)


def test_the_newcomers_script_finds_the_test_command() -> None:
    lines = [line for line in (ROOT / "README.md").read_text().splitlines() if "pip install -e '.[test]'" in line]
    assert lines == ["    pip install -e '.[test]' && pytest tests/ -n 2"]

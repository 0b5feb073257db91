"""What runs at GitHub: pinned, with no more rights than it needs, and commands that are ones."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from harness.__main__ import main
from tests import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text()
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def without_comments(text: str) -> str:
    return re.sub(r"(^|\s)#.*", "", text, flags=re.M)


def jobs(text: str) -> dict[str, str]:
    """A workflow's jobs by their names."""
    parts = re.split(r"^  ([a-z]+):\n", text.partition("\njobs:\n")[2], flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def scripts(job: str) -> list[str]:
    """What a job's steps give to a shell, block by block or line by line."""
    blocks = [textwrap.dedent(block) for block in re.findall(r"^ +run: \|\n((?: {10}.*\n)+)", job, re.M)]
    return blocks + re.findall(r"^ +(?:- )?run: (?!\|)(.+)$", job, re.M)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_pins_what_it_uses_and_has_no_secrets(path: Path) -> None:
    text = path.read_text()
    used = re.findall(r"uses: (.+)$", text, re.M)
    assert used and all(PINNED.fullmatch(each) for each in used)
    assert "secrets." not in text and "pull_request_target" not in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    for script in (script for job in jobs(text).values() for script in scripts(job)):
        assert "${{" not in script, "what is pasted into a shell may be anything"


def test_the_release_uses_no_action_that_others_do_not() -> None:
    others = "".join(path.read_text() for path in WORKFLOWS if path.name != "release.yml")
    assert set(PINNED.findall(RELEASE)) <= set(PINNED.findall(others))


def test_only_the_release_may_write_and_there_only_the_job_that_runs_no_code_of_others() -> None:
    for path in WORKFLOWS:
        writing = [name for name, job in jobs(path.read_text()).items() if "write" in without_comments(job)]
        assert writing == (["publish"] if path.name == "release.yml" else []), path
        head = path.read_text().partition("\njobs:\n")[0]
        assert re.search(r"^permissions:( \{\}|\n  contents: read)\n\n", head, re.M), path
    found = jobs(RELEASE)
    assert set(found) == {"build", "publish"}
    rights = re.findall(r"^    permissions:\n((?:      .+\n)+)", without_comments(found["publish"]), re.M)
    assert [right.split() for right in rights] == [["contents:", "write", "actions:", "read"]]
    assert "uses:" not in found["publish"] and "pip" not in found["publish"] and "python" not in found["publish"]
    assert "    permissions:\n      contents: read\n    steps:" in found["build"] and "token" not in found["build"]


def test_the_release_is_made_of_tags_alone() -> None:
    assert re.search(r'^on:\n  push:\n    tags: \["v\*"\]\n\n', RELEASE, re.M)


def test_the_release_builds_the_digits_zoo_for_the_address_where_it_will_be() -> None:
    (line,) = re.findall(r"python -m harness (zoo release .+) > out/notes\.md$", RELEASE, re.M)
    _, name, *arguments = shlex.split(line)
    zoo = main.commands["zoo"]
    parsed = zoo.commands[name].make_context(name, arguments).params  # type: ignore[attr-defined]
    assert (parsed["spec"], str(parsed["folder"]), parsed["address"]) == ("digits", "out/files", "$address")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a wheel, an archive and their digests, as the first job has them before it writes the wheel's."""
    files = tmp_path / "out" / "files"
    files.mkdir(parents=True)
    (files / "shatterproof-0.1.0-py3-none-any.whl").write_bytes(b"wheel")
    (files / "digits.zip").write_bytes(b"zip")
    (files / "SHA256SUMS").write_text(f"{hashlib.sha256(b'zip').hexdigest()}  digits.zip\n")
    return tmp_path


def shell(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """As GitHub's runner does it."""
    command = ["bash", "-e", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, check=False
    )


needs_sha256sum = pytest.mark.skipif(
    not (shutil.which("sha256sum") and shutil.which("bash")), reason="there is no bash with sha256sum here"
)


@needs_sha256sum
def test_the_digests_are_those_of_the_wheel_and_the_archive(here: Path) -> None:
    (script,) = [each for each in scripts(jobs(RELEASE)["build"]) if "sha256sum" in each]
    assert shell(script, here).returncode == 0
    lines = (here / "out" / "files" / "SHA256SUMS").read_text().splitlines()
    assert lines[1] == f"{hashlib.sha256(b'wheel').hexdigest()}  shatterproof-0.1.0-py3-none-any.whl"


@needs_sha256sum
@pytest.mark.parametrize(("altered", "published"), [(False, True), (True, False)])
def test_what_is_published_is_what_was_built(altered: bool, published: bool, here: Path) -> None:
    """With a `gh` that only writes down how it is called."""
    tools = here / "tools"
    tools.mkdir()
    written = f"print(json.dumps(sys.argv[1:]), file=open({str(here / 'calls')!r}, 'a'))"
    (tools / "gh").write_text(f"#!{sys.executable}\nimport json, sys\n{written}\n")
    (tools / "gh").chmod(0o755)
    if altered:
        (here / "out" / "files" / "digits.zip").write_bytes(b"other")
    (script,) = scripts(jobs(RELEASE)["publish"])
    names = {"GITHUB_RUN_ID": "7", "GITHUB_REPOSITORY": "us/it", "GITHUB_REF_NAME": "v0.1.0"}
    done = shell(script, here, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}", **names)
    calls = [json.loads(line) for line in (here / "calls").read_text().splitlines()]
    assert calls[0] == ["run", "download", "7", "--repo", "us/it", "--name", "release", "--dir", "out"]
    assert (done.returncode == 0, len(calls) == 2) == (published, published), done.stderr
    if published:
        files = ["SHA256SUMS", "digits.zip", "shatterproof-0.1.0-py3-none-any.whl"]
        assert calls[1][:3] == ["release", "create", "v0.1.0"]
        assert sorted(calls[1][3:6]) == [f"out/files/{name}" for name in files]
        assert calls[1][6:] == [
            *("--repo", "us/it", "--verify-tag", "--title", "v0.1.0", "--notes-file", "out/notes.md"),
        ]


def test_the_tag_has_to_be_the_version(tmp_path: Path) -> None:
    (script,) = [each for each in scripts(jobs(RELEASE)["build"]) if "pip wheel" in each]
    (check,) = [line for line in script.splitlines() if line.startswith("test -f")]
    (tmp_path / "out" / "files").mkdir(parents=True)
    (tmp_path / "out" / "files" / "shatterproof-0.1.0-py3-none-any.whl").touch()
    assert shell(check, tmp_path, GITHUB_REF_NAME="v0.1.0").returncode == 0
    assert shell(check, tmp_path, GITHUB_REF_NAME="v0.2.0").returncode == 1

"""claims.toml says what the docstrings say, and keeps how a claim was checked as long as the claim stays the same."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness.__main__ import main
from harness.errors import HarnessError
from harness.evaluation.catalogue import Declared
from harness.leaderboard.claimed.claims_file import (
    CHECKED,
    Claimed,
    as_toml,
    claims_beside,
    from_docstrings,
    read_claims,
)
from tests import ROOT

RECORDED = ROOT / "baselines" / "claims.toml"


def test_what_is_recorded_is_what_the_docstrings_say() -> None:
    known = read_claims(RECORDED)
    assert from_docstrings(known) == known, "run python -m harness leaderboard claims --write"
    assert RECORDED.read_text() == as_toml(known)


def test_some_claims_were_checked_at_their_source_and_none_of_what_could_not_be_had() -> None:
    known = read_claims(RECORDED).values()
    claims = [claim for claim in known if claim.says in ("separates", "does not separate")]
    assert sum(claim.checked != "not had" for claim in claims) > len(claims) / 2
    for claim in known:
        if claim.place.startswith(("the source could not be had", "the sources could not be had")):
            assert claim.checked == "not had", claim


def stands(folder: Path, line: str) -> Declared:
    file = folder / "mine.py"
    file.write_text(f'"""A norm.\n\nClaims: read into it.\n{line}\n"""\n')
    return Declared("mine", "norms", "a paper", 1, "fast", file)


def test_a_claim_that_changes_is_no_longer_checked(tmp_path: Path) -> None:
    measure = stands(tmp_path, "Random labels: separates (figure 4).")
    first = from_docstrings({}, [measure])
    assert first == {"mine": Claimed("a paper", "separates", "figure 4", "not had")}
    checked = {"mine": replace(first["mine"], checked="full text")}
    assert from_docstrings(checked, [measure]) == checked
    stands(tmp_path, "Random labels: separates (figure 5).")
    assert from_docstrings(checked, [measure])["mine"].checked == "not had"


def test_a_measure_that_is_gone_and_one_without_a_claim_are_left_out(tmp_path: Path) -> None:
    gone = {"gone": Claimed("a paper", "nothing", "")}
    (tmp_path / "mine.py").write_text('"""A norm."""\n')
    assert from_docstrings(gone, [Declared("mine", "norms", "", 1, "fast", tmp_path / "mine.py")]) == {}


CLAIMS = st.builds(
    Claimed, st.text(), st.sampled_from(["separates", "does not separate", "nothing", "unknown"]), st.text()
)


@given(st.dictionaries(st.from_regex(r"[a-z_0-9]{1,12}", fullmatch=True), CLAIMS, max_size=4), st.sampled_from(CHECKED))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, claims: dict[str, Claimed], checked: str
) -> None:
    path = tmp_path_factory.mktemp("claims") / "claims.toml"
    found = {name: replace(claim, checked=checked) for name, claim in claims.items()}
    path.write_bytes(as_toml(found).encode())
    assert read_claims(path) == found


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[a", "cannot be read"),
        ("a = 1", r"\[a\] has 1; expected a table of source, says, place, checked"),
        ('[a]\nsource = "x"', "expected a table of"),
        ('[a]\nsource = 1\nsays = "nothing"\nplace = ""\nchecked = "not had"', r"source of \[a\] is 1; expected a str"),
        (
            '[a]\nsource = ""\nsays = "maybe"\nplace = ""\nchecked = "not had"',
            r"says of \[a\] is 'maybe'; expected one",
        ),
        ('[a]\nsource = ""\nsays = "nothing"\nplace = ""\nchecked = "yes"', r"checked of \[a\] is 'yes'; expected one"),
    ],
)
def test_another_form_is_refused_with_the_place(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "claims.toml").write_text(text)
    with pytest.raises(HarnessError, match=sentence):
        claims_beside(tmp_path)


def test_there_are_none_beside_a_file_or_without_one(tmp_path: Path) -> None:
    assert claims_beside(tmp_path) == {} and claims_beside(tmp_path / "run.json") == {}


def test_the_command_writes_them(tmp_path: Path) -> None:
    (tmp_path / "claims.toml").write_text(RECORDED.read_text())
    result = CliRunner().invoke(main, ["leaderboard", "claims", str(tmp_path), "--write"])
    assert result.output == f"written to {tmp_path / 'claims.toml'}\n"
    assert (tmp_path / "claims.toml").read_text() == RECORDED.read_text()

"""Which claims hold, by units that are won, on cases counted by hand; and what is printed of them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.__main__ import main
from harness.judging.units.decision import Unit
from harness.leaderboard.across.witnessed import measured
from harness.leaderboard.check import check
from harness.leaderboard.claimed.claims_file import Claimed, as_toml
from harness.leaderboard.claimed.found import claims_found, holds, separated
from harness.leaderboard.claimed.tables import claims_text, sentences
from harness.leaderboard.standings import build
from harness.records.schema import validate_part
from tests.builders.digits_records import gate_records
from tests.builders.zoos.several_zoos import says

pytestmark = pytest.mark.slow

DIGITS = [Unit("digits", str(number)) for number in range(8)]
NOISY = [Unit("noisy_digits", str(number)) for number in range(4)]


@pytest.mark.parametrize(
    ("won", "units", "found"),
    [
        *((4, 4, None), (0, 0, None), (5, 5, True), (4, 5, False), (6, 6, True), (5, 6, False)),
        *((7, 7, True), (6, 7, False), (7, 8, True), (6, 8, False), (9, 10, True), (8, 10, False)),
    ],
)
def test_so_many_units_have_to_be_won(won: int, units: int, found: bool | None) -> None:
    assert separated(won, units) is found
    assert holds("separates", won, units) is found
    assert holds("does not separate", won, units) is (None if found is None else not found)
    assert holds("unknown", won, units) is holds("nothing", won, units) is None


MEASURES = measured(
    [
        says("all", dict.fromkeys(DIGITS + NOISY, "won")),
        says("half", {unit: "won" if place < 4 else "lost" for place, unit in enumerate(DIGITS)}),
        says("some", {unit: "won" if place < 5 else "no value" for place, unit in enumerate(DIGITS)}),
        says("none", dict.fromkeys(DIGITS, "neither")),
        says("silent", dict.fromkeys(DIGITS, "won")),
    ]
)
CLAIMS = {
    "all": Claimed("a", "separates", "table 1", "full text"),
    "half": Claimed("b", "separates", "figure 2"),
    "some": Claimed("c", "separates", "figure 3"),
    "none": Claimed("d", "does not separate", "section | 4"),
    "silent": Claimed("e", "nothing", ""),
    "not_recorded": Claimed("f", "separates", "figure 1"),
}
FOUND = claims_found(CLAIMS, MEASURES)


def test_each_claim_stands_beside_what_was_found() -> None:
    found = {name: claim["found"].get("digits") for name, claim in FOUND["measures"].items()}
    counts = ("won", "lost", "units", "without_value", "holds")
    assert {name: each and tuple(each[count] for count in counts) for name, each in found.items()} == {
        "all": (8, 0, 8, 0, True),
        "half": (4, 4, 8, 0, False),
        "some": (5, 0, 5, 3, True),
        "none": (0, 0, 8, 0, True),
        "silent": (8, 0, 8, 0, None),
        "not_recorded": None,
    }


def test_claims_are_counted_by_data_set_where_they_are_recorded() -> None:
    assert FOUND["data_sets"]["digits"] == {
        "separates": {"claims": 3, "hold": 2, "too_few_units": 0},
        "does not separate": {"claims": 1, "hold": 1, "too_few_units": 0},
    }
    assert FOUND["data_sets"]["noisy_digits"]["separates"] == {"claims": 1, "hold": 0, "too_few_units": 1}


def test_the_sentences_say_how_many_hold() -> None:
    assert sentences(FOUND) == [
        "Of published claims that a measure separates random labels: of 3 on digits 2 hold, 1 do not; of 1 on noisy "
        "digits 0 hold, 0 do not, 1 have too few units.",
        "Of published claims that a measure does not separate random labels: of 1 on digits 1 hold, 0 do not; of 0 on "
        "noisy digits 0 hold, 0 do not.",
    ]


def test_the_table_has_what_is_claimed_beside_what_was_found() -> None:
    lines = claims_text(FOUND).splitlines()
    assert lines[0] == "| measure | claimed | checked | found on digits | found on noisy digits |"
    assert "| `all` | separates (table 1) | full text | 8 of 8: holds | 4 of 4 |" in lines
    assert "| `half` | separates (figure 2) | not had | 4 of 8, 4 lost: does not hold | – |" in lines
    assert "| `some` | separates (figure 3) | not had | 5 of 5 (3 without a value): holds | – |" in lines
    assert "| `none` | does not separate (section \\| 4) | not had | 0 of 8: holds | – |" in lines
    assert not any("silent" in line for line in lines)
    assert "| `silent` | nothing | not had | 8 of 8 | – |" in claims_text(FOUND, every=True).splitlines()


def test_without_claims_beside_the_records_the_leaderboard_has_none(tmp_path: Path) -> None:
    gate_records(tmp_path)
    assert build(tmp_path)["claims"] is None


def test_the_leaderboard_has_them_and_check_finds_what_was_changed(tmp_path: Path) -> None:
    gate_records(tmp_path)
    (tmp_path / "claims.toml").write_text(as_toml({"l2_norm": Claimed("a", "separates", "figure 1")}))
    content = build(tmp_path)
    validate_part(content, "leaderboard")
    assert content["claims"]["measures"]["l2_norm"]["found"]["digits"]["units"] == 10
    assert CliRunner().invoke(main, ["leaderboard", "build", str(tmp_path)]).exit_code == 0
    assert check(tmp_path) == []
    (tmp_path / "claims.toml").write_text(as_toml({"l2_norm": Claimed("a", "does not separate", "figure 1")}))
    assert check(tmp_path) == [
        f"{tmp_path / 'leaderboard.json'} does not follow from the records; run leaderboard build"
    ]


def test_the_command_prints_them_and_says_where_none_are(tmp_path: Path) -> None:
    gate_records(tmp_path)
    none = CliRunner().invoke(main, ["leaderboard", "claims", str(tmp_path)])
    assert none.exit_code == 2 and "leaderboard claims --write writes them" in none.output
    (tmp_path / "claims.toml").write_text(as_toml({"l2_norm": Claimed("a", "separates", "figure 1")}))
    printed = CliRunner().invoke(main, ["leaderboard", "claims", str(tmp_path)]).output
    assert "| `l2_norm` | separates (figure 1) | not had | " in printed
    assert "Of published claims that a measure separates random labels: of 1 on digits " in printed

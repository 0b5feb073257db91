"""`propose` on real branches of a clone: what a change adds or alters is judged, and decides the exit status."""

import re
from pathlib import Path

import pytest

from harness.store.secret_folder import found_in
from tests.builders.digits_records import altered
from tests.leaderboard.proposal.clones import Clone

pytestmark = pytest.mark.slow


@pytest.mark.long
def test_an_added_measure_that_passes_is_reported_and_passes(good: str) -> None:
    assert "1 measure added (my\\_squares)" in good
    assert "**It passes.**" in good
    assert "## my\\_squares: passes" in good
    own = good[good.index("## my\\_squares") :]
    assert re.search(r"\| random labels \| 10/10 \| 0\.00098 \| 1\.00 \[0\.\d+, 1\.00\] \| separates \|", own)
    assert re.search(r"Contract: passes\. \S+ s a model\.", own)
    assert "pytest suites/ --measure=sealed:l2_norm,sealed:my_squares" in good
    assert "On fresh twins 7, other seeds than the zoo's (the number was drawn for this review" in good
    assert "- my\\_squares on fresh twins 7: all 3 verdicts are as recorded, and 30 of 30 decisions of units; " in good
    assert "pytest suites/ -m gate --fresh=7 --measure=sealed:l2_norm,sealed:my_squares" in good
    assert "propose --base origin/main --of FOLDER --fresh 7" in good
    assert "<b>" not in good and "&lt;b&gt;a test&lt;/b&gt;" in good
    assert "my\\_squares is to be recorded" in good


@pytest.mark.long  # two runs of the suites on seven measures
def test_added_measures_that_fail_the_gate_or_break_the_contract_fail(bad: str) -> None:
    assert "- my\\_frames fails the gate: overlaps" in bad
    assert (
        "- my\\_mess has no verdict: it changed torch's global random state, when it was tried on one tiny network"
        in bad
    )
    assert "- my\\_mark breaks its contract: " in bad
    assert "my\\_frames breaks its contract" not in bad


@pytest.mark.long
def test_an_added_measure_that_knows_the_zoos_networks_fails_on_fresh_twins(bad: str, report_of_bad: str) -> None:
    said = "- passes on the zoo itself and not on fresh twins: my\\_memory on fresh twins 7: 0 of 3 verdicts are"
    assert said in bad
    assert bad.count("passes on the zoo itself and not on fresh twins") == 1
    assert "propose --base main --fresh 7" in report_of_bad


@pytest.mark.long
def test_a_formula_that_changes_an_outcome_wants_another_version(bad: str, good: str) -> None:
    assert "random labels was separates, is inverted, under the same version; raise it" in bad
    assert "random labels was separates, is inverted; version 1 -&gt; 2" in good
    assert "l2\\_norm is to be recorded" in good


def test_a_result_edited_by_hand_fails_whether_or_not_its_digest_was_made_anew(clone: Clone) -> None:
    clone.branch("edited")
    constant, norm = (clone.root / "baselines" / "digits" / f"{name}.json" for name in ("constant", "l2_norm"))
    before = norm.read_text()
    assert before.count('"wins": 10') >= 3
    norm.write_text(before.replace('"wins": 10', '"wins": 9'))
    altered(
        constant, lambda record: [suite.update(wins=10, verdict="separates") for suite in record["suites"].values()]
    )
    clone.commit()
    result = clone.propose()
    assert result.exit_code == 1
    assert re.search(r"^- baselines/digits/l2\\_norm\.json: .*changed after it was written", result.stdout, re.M)
    assert re.search(
        r"^- baselines/digits/constant\.json: .*wins is 10, but 0 follows from the rows", result.stdout, re.M
    )


@pytest.mark.long
def test_values_made_up_with_all_that_follows_from_them_are_not_what_is_measured(bad: str) -> None:
    assert "constant: its record is not what was measured here: random labels was separates, is overlaps" in bad


def test_a_change_that_touches_no_measure_says_so_and_trains_nothing(clone: Clone, tmp_path: Path) -> None:
    clone.branch("nothing")
    (clone.root / "README.md").write_text("words")
    clone.commit()
    result = clone.propose("--cache-dir", str(tmp_path / "none"))
    assert (result.exit_code, result.stdout.strip()) == (
        0,
        "Against `main` no measure is added or altered, and no record.",
    )
    assert not (found_in(tmp_path / "none") / "models").exists()


def test_an_unknown_base_is_one_sentence(clone: Clone) -> None:
    result = clone.propose("--base", "no/such")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: --base no/such is not a commit that HEAD has a history in common with")
    assert len(result.stderr.splitlines()) == 1

"""The suite test_what_it_reads as a user runs it: it passes with its answer, which the terminal and the record have."""

from pathlib import Path

import pytest

from harness.judging.reads import BLINDINGS, what_it_reads
from harness.leaderboard.recompute import recorded_zoo, rows_of
from harness.pytest_session import not_asked
from harness.records.blinded_values import blinded_rows_of
from harness.records.record import round_number
from harness.records.record_files import read_record
from harness.zoo.checkpoints.alone import NOT_ASKED
from harness.zoo.checkpoints.doors import find_pairs
from harness.zoo.checkpoints.own_twins import as_zoo, listed
from tests.builders.own_twins import pair
from tests.conftest import TINY, Run

pytestmark = pytest.mark.usefixtures("own_registry")

STRANGERS = """
from measures import measure


@measure(source="a test")
def errors_of_a_stranger(trained):
    return float(trained.history.train_error.sum())


@measure(source="a test")
def breaks_on_an_untrained_network(trained):
    if float(trained.margins.min()) < 0:
        raise ValueError("it does not fit")
    return float(sum(weight.square().sum() for weight in trained.model.parameters()))
"""


@pytest.mark.slow
@pytest.mark.long
def test_it_passes_whatever_is_read_and_says_so(run: Run, tmp_path: Path) -> None:
    file, record = tmp_path / "strangers.py", tmp_path / "record.json"
    file.write_text(STRANGERS)
    names = f"{file},neighbour_disagreement"
    result = run("-m", "reads", f"--measure={names}", "--findings=fail", f"--leaderboard={record}", "-v")
    result.assert_outcomes(passed=3, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(
        [
            "breaks_on_an_untrained_network reads: network (of data it is not known); separates *",
            "errors_of_a_stranger reads: history; separates without the network: yes (history suffices), *history: no",
            "neighbour_disagreement reads: data; separates without the network: yes (data suffices)",
        ]
    )
    run_again = read_record(record)
    for entry in run_again["entries"]:
        zoo = recorded_zoo(run_again["zoo"])
        found = what_it_reads(zoo, rows_of(entry), blinded_rows_of(entry))
        recorded = entry["findings"]["reads"]["what_it_reads"]
        assert (found.status, round_number(found.numbers)) == (recorded["status"], recorded["numbers"])
        assert (recorded["problem"], recorded["skipped"]) == ("", "")
    broken = next(entry for entry in run_again["entries"] if entry["measure"].startswith("breaks"))
    status, reason = next(iter(broken["blinded"]["network"].values()))
    assert (status, "it does not fit" in reason) == ("error", True)


def test_it_is_not_asked_of_networks_that_were_trained_elsewhere() -> None:
    elsewhere = as_zoo(listed(find_pairs([pair(seed) for seed in range(10)])))
    assert not_asked(BLINDINGS, elsewhere) == NOT_ASKED
    assert not_asked(BLINDINGS, TINY) == ""

"""The suite of costs, where there is nothing to time."""

from pathlib import Path

import pytest

from tests.conftest import Run

NEVER = """
from measures import NotApplicable, measure


@measure(source="mine")
def never(trained):
    raise NotApplicable("never")
"""


@pytest.mark.slow
def test_a_measure_that_never_applies_is_not_timed_and_nothing_is_said_of_the_stopwatch(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(NEVER)
    result = run(f"--measure={tmp_path / 'mine.py'}::never", "-k", "test_cost")
    result.assert_outcomes(skipped=10, deselected=result.parseoutcomes()["deselected"], warnings=0)

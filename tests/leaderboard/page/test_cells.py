"""What a cell says of a measure, and in which colour it is drawn."""

import re
from typing import Any, get_args

import pytest

from harness.judging.what_suffices import Suffices
from harness.leaderboard.page.cells import READS_IN_ORDER, reads_in_words
from harness.leaderboard.page.charts import kind, legend
from tests import ROOT

STYLE = (ROOT / "harness" / "leaderboard" / "page" / "templates" / "page.css").read_text()


def standing(reads: str | None) -> dict[str, Any]:
    return {"role": "measure", "reads": reads}


def test_whatever_suffices_has_a_word_and_a_colour_of_its_own() -> None:
    assert sorted(READS_IN_ORDER) == sorted(get_args(Suffices))
    for reads in READS_IN_ORDER:
        assert re.search(rf"\.{kind(standing(reads))} {{ fill", STYLE), reads
    assert len({kind(standing(reads)) for reads in READS_IN_ORDER}) == len(READS_IN_ORDER)


@pytest.mark.parametrize("reads", READS_IN_ORDER)
def test_what_was_asked_is_not_counted_as_unknown(reads: str) -> None:
    counted = [(meaning, count) for _, meaning, count in legend([standing(None), standing(reads), standing(reads)])]
    assert counted == [(reads_in_words(reads), 2), ("unknown", 1)]

"""Counting: what the judge says is what is counted, of so many as were asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from harness.evaluation.finding import Finding
from harness.judging.nulls.coins import coins
from harness.judging.nulls.null import Null, complete, fixed, row_of
from harness.judging.nulls.passing import Share, askable, passed, statuses, witnesses_of_gate
from harness.judging.nulls.table import findings_table, gate_table, sentences
from harness.judging.questions import QUESTIONS
from harness.judging.questions.question import Outcomes, Question, Rows
from harness.judging.verdict import judge
from harness.zoo.zoo import Zoo
from tests.builders.constructed_zoo import DIGITS, gap
from tests.judging.nulls.made import gaps, gate, material


def test_none_of_a_thousand_is_at_most_3_in_a_thousand() -> None:
    assert Share(0, 1000).at_most == pytest.approx(1 - 0.05 ** (1 / 1000))
    assert Share(1000, 1000).at_most == 1


@given(st.integers(1, 300).flatmap(lambda of: st.tuples(st.integers(0, of - 1), st.just(of))))
def test_at_the_upper_limit_so_few_come_up_in_one_of_twenty(counts: tuple[int, int]) -> None:
    assert binom.cdf(*counts, Share(*counts).at_most) == pytest.approx(0.05, rel=1e-3)


def test_statuses_are_those_of_the_judge() -> None:
    rng, witnesses, seen = np.random.default_rng(0), witnesses_of_gate(DIGITS), set()
    for bend in (0.0, 0.3, 1.0, 1.0, -1.0):
        values = {recipe: bend * gap(recipe) + float(rng.normal(0, 0.3)) for recipe in gate()}
        values |= {recipe: 0.5 for recipe in gate() if recipe.network == "mlp_1x512"}  # these tie
        found = statuses(values, witnesses)
        judged = {
            name: judge("", name, units, row_of(values), lambda recipe: None).status
            for name, units in witnesses.items()
        }
        assert found == judged
        seen |= {*found.values()}
    assert len(seen) > 1


def clause_of_gaps(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """Passed by a positive value on the first model."""
    return Finding(problem="" if (row(gate()[0]).value or 0) > 0 else "not so")


QUESTION = Question("of_gaps", lambda zoo: [gate()[0]], lambda zoo, outcome: [], (clause_of_gaps,))
ASKED = [(QUESTION, clause_of_gaps)]


def test_findings_are_asked_of_a_tenth_of_the_draws_and_of_every_null_with_a_name() -> None:
    null = coins(material())[1]
    found = passed(material(), [null], ASKED, draws=21)
    firsts = [null.draw(np.random.default_rng((0, number)))[gate()[0]] > 0 for number in (0, 10, 20)]
    assert found.findings == {"clause_of_gaps": Share(sum(firsts), 3)}
    negated = {recipe: -value for recipe, value in gaps().items()}
    named = passed(material(), fixed("both", {"gap": gaps(), "negated": negated}), ASKED, draws=21)
    assert named.findings == {"clause_of_gaps": Share(1, 2)}
    assert named.gate == dict.fromkeys([*DIGITS.gate, "gate"], Share(1, 2)) and named.names == ["gap"]


def test_a_finding_is_not_asked_where_a_model_was_not_measured() -> None:
    elsewhere = Question("elsewhere", lambda zoo: ["another model"], lambda zoo, outcome: [], (clause_of_gaps,))  # type: ignore[list-item, return-value]
    assert passed(material(), fixed("one", {"gap": gaps()}), [(elsewhere, clause_of_gaps)], draws=1).findings == {}
    assert complete(gaps(), gate()) and not complete({}, gate())


def test_questions_whose_models_are_not_trained_are_named_and_not_asked() -> None:
    asked, reasons = askable(material())
    short = {question.name for question in QUESTIONS if not {*question.recipes(DIGITS)} <= {*gate()}}
    assert short and short <= reasons.keys()
    assert all("are not trained" in reasons[name] for name in short)
    assert not short & {question.name for question, _ in asked}


def test_tables_have_a_rate_of_draws_and_a_count_of_names() -> None:
    negated = {recipe: -value for recipe, value in gaps().items()}
    nulls: list[list[Null]] = [[Null("drawn", lambda rng: gaps())], fixed("two", {"gap": gaps(), "negated": negated})]
    found = [passed(material(), group, ASKED, draws=20) for group in nulls]
    assert gate_table(found).splitlines() == [
        "| null | how many | random labels | random pixels | gaussian | the gate | at most |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| drawn | 20 draws | 100.0% | 100.0% | 100.0% | **100.0%** | 100.00% |",
        "| two | 2 | 1 of 2 | 1 of 2 | 1 of 2 | **1 of 2**: gap |  |",
    ]
    assert findings_table(found).splitlines()[2:] == ["| clause_of_gaps | 100% of 2 | 1 of 2 |"]
    assert findings_table([passed(material(), nulls[1], [], draws=1)]) == ""
    assert sentences({"grid": "no reason"}) == "- `grid` was not asked: no reason"

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.random_splits import shuffled
from measures.stability.consistency_score import consistency_score
from tests.builders.retraining import assert_sees_no_change_of_the_given_network, memorizing, opinion

EXAMPLES = st.integers(16, 60).flatmap(
    lambda n: st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=n, max_size=n)
)


def test_is_0_where_nothing_unseen_is_known_and_minus_1_where_all_is():
    assert consistency_score(memorizing([1] * 32, opinion([0] * 32, 2))) == 0
    assert consistency_score(memorizing([1] * 32, opinion([1] * 32, 2))) == -1


@settings(deadline=None, max_examples=20)
@given(EXAMPLES, st.integers(0, 20))
def test_is_minus_the_mean_over_sizes_of_the_success_outside(examples, seed):
    labels, answers = ([pair[i] for pair in examples] for i in range(2))
    trained = memorizing(labels, opinion(answers, 3), seed=seed)
    eighth, order = len(labels) // 8, shuffled(trained).tolist()
    successes = []
    for size in (eighth, 2 * eighth, 4 * eighth):
        outside = [k for k in range(len(labels)) if k not in order[:size]]
        successes.append(sum(answers[k] == labels[k] for k in outside) / len(outside))
    assert consistency_score(trained) == pytest.approx(-sum(successes) / 3, abs=1e-12)


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(consistency_score, seed=1)


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15"):
        consistency_score(memorizing([0] * 15, opinion([0] * 15, 2)))

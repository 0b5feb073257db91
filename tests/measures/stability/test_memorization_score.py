import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from measures import NotApplicable
from measures.quantities.random_splits import eighths, shuffled
from measures.stability.memorization_score import memorization_score
from tests.builders.models import digits_model
from tests.builders.retraining import assert_sees_no_change_of_the_given_network, memorizing, opinion

EXAMPLES = st.integers(16, 60).flatmap(
    lambda n: st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=n, max_size=n)
)


def test_is_1_where_only_what_was_seen_is_known():
    assert memorization_score(memorizing([1] * 32, opinion([0] * 32, 2))) == 1


def test_is_0_where_the_rest_is_known_as_well():
    assert memorization_score(memorizing([1] * 32, opinion([1] * 32, 2))) == 0


def test_is_minus_1_where_only_what_was_seen_is_wrong():
    assert memorization_score(memorizing([1] * 32, opinion([1] * 32, 2), certainty=-100)) == -1


@settings(deadline=None, max_examples=20)
@given(EXAMPLES, st.integers(0, 20))
def test_is_the_papers_difference_example_by_example(examples, seed):
    labels, answers = ([pair[i] for pair in examples] for i in range(2))
    trained = memorizing(labels, opinion(answers, 3), seed=seed)
    quarter = eighths(trained, 2)
    sampled = shuffled(trained)[: 2 * quarter].tolist()
    scores = []
    for k in sampled:
        subsets = [sampled[:quarter], sampled[quarter:]]
        predicted = [labels[k] if k in subset else answers[k] for subset in subsets]
        seen = [p == labels[k] for p, subset in zip(predicted, subsets, strict=True) if k in subset]
        unseen = [p == labels[k] for p, subset in zip(predicted, subsets, strict=True) if k not in subset]
        scores.append(sum(seen) / len(seen) - sum(unseen) / len(unseen))
    assert memorization_score(trained) == pytest.approx(sum(scores) / len(scores), abs=1e-12)


def test_does_not_see_the_given_network():
    assert_sees_no_change_of_the_given_network(memorization_score, seed=1)


def test_15_examples_are_too_few():
    with pytest.raises(NotApplicable, match="15"):
        memorization_score(memorizing([0] * 15, opinion([0] * 15, 2)))


@pytest.mark.slow
def test_is_small_for_digits_and_near_9_in_10_for_digits_with_random_labels():
    natural, random_labels = (
        memorization_score(digits_model(condition)) for condition in ("true_labels", "random_labels")
    )
    assert natural <= 0.4
    assert random_labels >= 0.75

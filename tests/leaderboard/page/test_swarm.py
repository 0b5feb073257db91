"""Marks that would cover each other stand beside or above each other."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.page.swarm import levels, stacks


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 4))
def test_no_two_marks_of_a_stack_are_at_one_place(counts: list[int], wide: int) -> None:
    places = list(zip(counts, stacks(counts, wide, 6.0), strict=True))
    assert len(set(places)) == len(places)
    assert all(abs(x) <= 6.0 * (wide - 1) / 2 and y <= 0 for _, (x, y) in places)


def test_a_row_is_filled_before_the_next() -> None:
    assert stacks([3, 3, 1, 3], 2, 1.0) == [(-0.5, 0.0), (0.5, 0.0), (-0.5, 0.0), (-0.5, -1.0)]


@given(st.lists(st.floats(0, 100), max_size=30).map(sorted))
def test_marks_on_one_level_are_apart_where_there_are_levels_enough(positions: list[float]) -> None:
    found = levels(positions, 5.0, len(positions) or 1)
    for level in set(found):
        own = [position for position, each in zip(positions, found, strict=True) if each == level]
        assert all(after - before >= 5.0 for before, after in itertools.pairwise(own))


def test_with_few_levels_the_one_that_is_longest_free_is_taken() -> None:
    assert levels([0, 1, 2, 9], 5.0, 2) == [0, 1, 0, 0]

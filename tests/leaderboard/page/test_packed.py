"""Numbers in four letters each are read as they were, to four digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.leaderboard.page.packed import packed, unpacked

VALUES = st.none() | st.just(0.0) | st.floats(-1e150, 1e150, allow_subnormal=False).filter(lambda x: abs(x) > 1e-150)


@given(st.lists(VALUES, max_size=20))
def test_values_come_back_to_four_digits_in_four_letters(values: list[float | None]) -> None:
    text = packed(values)
    assert len(text) == 4 * len(values)
    for value, found in zip(values, unpacked(text), strict=True):
        assert found == (None if value is None else pytest.approx(value, rel=2**-14, abs=0))


def test_what_is_too_large_or_too_small_is_the_nearest_there_is() -> None:
    largest, smallest, negative = unpacked(packed([1e300, 1e-300, -1e300]))
    assert largest == pytest.approx(2.0**511, rel=1e-3) and smallest == 0 and negative == -largest

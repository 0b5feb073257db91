"""Where marks stand that would cover each other: in stacks over whole numbers, or one above the other on a line."""

from collections.abc import Sequence


def stacks(counts: Sequence[int], wide: int, apart: float) -> list[tuple[float, float]]:
    """For each mark, in order, its place relative to the foot of its own stack: `wide` marks in a row, from below."""
    seen: dict[int, int] = {}
    places = []
    for count in counts:
        number = seen.get(count, 0)
        seen[count] = number + 1
        row, column = divmod(number, wide)
        places.append(((column - (wide - 1) / 2) * apart, -row * apart))
    return places


def levels(positions: Sequence[float], apart: float, most: int) -> list[int]:
    """For marks on one line, by rising position, how far above it each stands so that few overlap: 0 to `most` - 1."""
    ends = [float("-inf")] * most
    found = []
    for position in positions:
        free = [level for level in range(most) if position - ends[level] >= apart]
        level = free[0] if free else min(range(most), key=lambda each: ends[each])
        ends[level] = position
        found.append(level)
    return found

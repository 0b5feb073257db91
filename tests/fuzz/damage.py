"""Ways to damage a file, and JSON that is not what is expected, for hypothesis to choose from."""

from typing import Any

from hypothesis import strategies as st

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=9), part, max_size=3),
    max_leaves=8,
)


@st.composite
def altered(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with some of its bytes changed, a part cut out, a part repeated, or something put in."""
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(len(content), start + 200)))
    middle = draw(
        st.binary(max_size=40) | st.just(content[start:end] * 2) | st.just(b"\0" * (end - start)) | st.just(b"")
    )
    return content[:start] + middle + content[end:]


@st.composite
def with_a_part_replaced(draw: st.DrawFn, value: Any) -> Any:
    """The value with one part of it, at any depth, replaced by any JSON, left out, or given another name."""
    if isinstance(value, dict) and value and draw(st.integers(0, 5)):
        name = draw(st.sampled_from(sorted(value)))
        rest = {other: part for other, part in value.items() if other != name}
        how = draw(st.integers(0, 7))
        if how == 0:
            return rest
        if how == 1:
            return {**rest, draw(st.text(max_size=9)): value[name]}
        return {**value, name: draw(with_a_part_replaced(value[name]))}
    if isinstance(value, list) and value and draw(st.integers(0, 5)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], draw(with_a_part_replaced(value[place])), *value[place + 1 :]]
    return draw(ANY_JSON)

"""Numbers in four letters each: as many as the page draws would be half of it as decimals."""

import base64
import math
from collections.abc import Iterable

MISSING = 0
MANTISSA, MOST = 13, 511  # bits; the largest exponent of 2, either way


def packed(values: Iterable[float | None]) -> str:
    """Base64 of three bytes a value: a sign, the exponent of 2 plus 512 in ten bits, thirteen bits of the mantissa.

    The relative error is 2⁻¹⁴ at most, the fourth digit. All zeros is no value; beyond 2±511 is the nearest there is.
    """
    return base64.b64encode(b"".join(_word(value).to_bytes(3, "big") for value in values)).decode()


def _word(value: float | None) -> int:
    if value is None:
        return MISSING
    mantissa, exponent = math.frexp(abs(value))
    whole = round(mantissa * 2 ** (MANTISSA + 1))  # its first bit is 1, and not written
    if whole == 2 ** (MANTISSA + 1):
        whole, exponent = whole // 2, exponent + 1
    if value == 0 or exponent < -MOST:
        whole, exponent = 2**MANTISSA, -MOST
    if exponent > MOST:
        whole, exponent = 2 ** (MANTISSA + 1) - 1, MOST
    return (value < 0) << 23 | exponent + MOST + 1 << MANTISSA | whole - 2**MANTISSA


def unpacked(text: str) -> list[float | None]:
    """The values, as JavaScript reads them too (draw.js)."""
    data = base64.b64decode(text)
    return [_value(int.from_bytes(data[place : place + 3], "big")) for place in range(0, len(data), 3)]


def _value(word: int) -> float | None:
    if word == MISSING:
        return None
    sign, exponent, whole = word >> 23, (word >> MANTISSA & 2**10 - 1) - MOST - 1, word & 2**MANTISSA - 1
    if exponent == -MOST and whole == 0:
        return 0.0
    return (-1) ** sign * math.ldexp(2**MANTISSA + whole, exponent - MANTISSA - 1)

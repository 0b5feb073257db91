"""Fresh twins: a zoo's units with seeds that nobody has seen, of a zoo whose name says so, as `digits-fresh-7`.

A recipe's seed draws the split, the initial weights, the order of examples, random labels, permuted pixels and gaussian
inputs: all of them are others. What is drawn with the data set is not: the images, and the pixel noise of
`noisy_digits`, of which other images are trained on. So what a measure knows of particular networks and training sets
is of no use here; what it knows of the whole data set (the true label of every image) still is.
"""

import re

from harness.errors import HarnessError, shown

PLACES = 1_000_000
"""Seeds that a number has to give. Those of the zoos themselves are below."""

MOST = 10**12
"""The largest number: seeds then fit into 63 bits, which all of torch's generators take."""

NAMED = re.compile(r"(.+)-fresh-([1-9][0-9]*)")


def fresh_name(scale: str, number: int) -> str:
    """What a zoo's fresh twins are recorded as, so that they are never among its own.

    HarnessError for a number that is none, and for a zoo of fresh twins.

    >>> fresh_name("digits", 7)
    'digits-fresh-7'
    """
    if type(number) is not int or not 1 <= number <= MOST:
        raise HarnessError(f"--fresh is {shown(number)}; expected a whole number from 1 to {MOST}: of other twins each")
    if NAMED.fullmatch(scale):
        raise HarnessError(f"the {scale} zoo has fresh twins already; give --fresh with the zoo that they are of")
    return f"{scale}-fresh-{number}"


def scale_and_number(name: str) -> tuple[str, int]:
    """The zoo that a name is of, and the number of its fresh twins; 0 for the zoo itself.

    >>> scale_and_number("digits-fresh-7"), scale_and_number("digits")
    (('digits', 7), ('digits', 0))
    """
    found = NAMED.fullmatch(name)
    return (found[1], int(found[2])) if found else (name, 0)


def seed_at(number: int, place: int) -> int:
    """The seed of a place in a zoo: no other place has it, of this number or another; `place` itself for number 0.

    Streams are drawn by a digest of the seed (measures/seeding.py), so that seeds that are near are as good as any.
    """
    if not 0 <= place < PLACES:
        raise HarnessError(f"a zoo has {place:,} seeds or more; expected fewer than {PLACES:,}")
    return number * PLACES + place

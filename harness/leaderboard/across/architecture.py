"""What is known of a network by its name, as records have it: what it is built of, and from counts of parameters what
goes into it and comes out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MLP = re.compile(r"(?P<residual>residual_)?mlp_(?P<depth>\d+)x(?P<width>\d+)")
SIZED = re.compile(r"(?P<kind>.+)_[sp]\d+")  # with a stride, or patches of a size, in its name


@dataclass(frozen=True)
class Architecture:
    """Does it have convolutions, connections that skip layers, attention, or batch, group or layer normalization?"""

    convolutional: bool = False
    residual: bool = False
    attention: bool = False
    normalizes: bool = False


NAMED = {
    "convnet": Architecture(convolutional=True),
    "convnet_bn": Architecture(convolutional=True, normalizes=True),
    "all_convolutional": Architecture(convolutional=True),
    "alexnet_small": Architecture(convolutional=True),
    "inception_small": Architecture(convolutional=True, normalizes=True),
    "inception_small_no_bn": Architecture(convolutional=True),
    "inception_v3": Architecture(convolutional=True, normalizes=True),
    "resnet_small": Architecture(convolutional=True, residual=True, normalizes=True),
    "resnet_small_gn": Architecture(convolutional=True, residual=True, normalizes=True),
    "resnet18": Architecture(convolutional=True, residual=True, normalizes=True),
    "vit_small": Architecture(residual=True, attention=True, normalizes=True),
    "vit_tiny": Architecture(residual=True, attention=True, normalizes=True),
    "mixer_small": Architecture(residual=True, normalizes=True),
}
"""This project's networks that are not MLPs; the tests hold each against the layers that it has."""


def architecture_of(network: str) -> Architecture | None:
    """None for a network that is not of this project: its name says nothing of it."""
    if found := MLP.fullmatch(network):
        return Architecture(residual=bool(found["residual"]))
    sized = SIZED.fullmatch(network)
    return NAMED.get(sized["kind"] if sized else network)


def inputs_and_classes(network: str, parameters: float) -> tuple[int, int] | None:
    """How many numbers go into an MLP of this project, and how many come out, from its count of parameters.

    With `width` w all its weights but those of d inputs and K classes are known, and d w + (w + 1) K of them are left:
    K is what remains on division by w, as long as K is less than w. None for another network, or a count that no MLP
    with two classes or more has.

    >>> inputs_and_classes("mlp_1x512", 38_410)
    (64, 10)
    """
    found = MLP.fullmatch(network)
    if found is None or parameters != int(parameters):
        return None
    depth, width = int(found["depth"]), int(found["width"])
    layers = 2 * depth if found["residual"] else depth - 1
    left = int(parameters) - width - layers * (width + 1) * width
    classes = left % width if width else 0
    inputs = (left - (width + 1) * classes) // width if width else 0
    return (inputs, classes) if inputs >= 1 and classes >= 2 else None


def inputs_of(counted: Iterable[tuple[str, float]]) -> int | None:
    """How many numbers a data set's examples have, from its MLPs and their counts; None unless there are some, and all
    say the same."""
    found = {inputs_and_classes(network, parameters) for network, parameters in counted if MLP.fullmatch(network)}
    only = found.pop() if len(found) == 1 else None
    return only[0] if only else None

"""The noise with which a stranger's measure receives inputs, and what is done where it would change the network.

Noise of 1e-4 of the standard deviation of all inputs hides the bytes of a public data set. Of what learns from images
it moves the logits about as little. It is another matter where columns of a table are of very different sizes, where
zeros or signs count, and where numbers are looked up: there a measure would read another function than the trained
one. Then noise is in proportion to each number, within the spread of its column. Whole numbers are handed over as
they are, where that does not help either: whoever rounds them has them back, noise or not. For any other network
there is one sentence.

The kind of noise is a function of the network and its inputs, which a measure has before it: it says nothing else.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.networks.plain_network import RefusedNetwork
from measures.trained_model import TrainedModel

NOISE = 1e-4  # of the standard deviation of all inputs
MOST_MOVED = 0.01  # of the largest logit: a hundred times the noise; networks of the built-in zoos stay below 0.001
TRIED = 32  # examples on which the network is compared with itself: what noise changes, it changes on most of them


def with_noise(trained: TrainedModel, noise: Tensor) -> Tensor:
    """The inputs with `noise`, which is standard normal and of their shape.

    Raises NotApplicable where the network is another function of every such input.
    """
    every = max(1, len(noise) // TRIED)
    least = float("inf")
    for inputs in _candidates(trained.inputs, noise):
        moved = _moved(trained, trained.inputs[::every], inputs[::every])
        if moved <= MOST_MOVED:
            return inputs
        least = min(least, moved)
    effect = "does not run" if least == float("inf") else f"changes its outputs by {least:.0%} of their size"
    raise NotApplicable(
        f"the network {effect} when its inputs have noise of {NOISE:g} of their standard deviation, with which a "
        "measure from outside the project receives them: it looks numbers up, or rounds or compares them; train it on "
        "standardized inputs that it does not round, or on whole numbers"
    )


def _candidates(inputs: Tensor, noise: Tensor) -> Iterator[Tensor]:
    yield inputs + NOISE * inputs.std() * noise
    spread = inputs.std(dim=0, correction=0)
    yield inputs + NOISE * torch.minimum(inputs.abs(), spread) * noise  # a sign and a zero stay what they are
    if bool((inputs == inputs.round()).all()):
        yield inputs


def _moved(trained: TrainedModel, given: Tensor, noisy: Tensor) -> float:
    """The largest change of a logit, as a share of the largest logit; infinite where the network does not run. 0 where
    nobody reads the network's function, or its outputs are not finite anyhow."""
    if isinstance(trained.model, RefusedNetwork):
        return 0.0
    try:
        with torch.no_grad():
            both: Tensor = trained.model(torch.cat([given, noisy])).double()
    except torch.OutOfMemoryError:
        raise
    except Exception:  # an index that its table does not have, an assertion on data, ...
        return float("inf")
    before, now = both.split(len(given))
    if not bool(before.isfinite().all()):
        return 0.0
    if not bool(now.isfinite().all()):
        return float("inf")
    change = float((now - before).abs().max())
    return change / max(float(before.abs().max()), change) if change else 0.0

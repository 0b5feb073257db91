"""How much less sure the network is halfway to the nearest other training example than at both.

    μ = 1/m Σ [ H(p(z)) − (H(p(xᵢ)) + H(p(xⱼ)))/2 ]

H is the entropy of the softmax p, in nats; z = (xᵢ + xⱼ)/2, where xⱼ is the training example nearest to xᵢ, in the
inputs, whatever its label (interpolation/_midpoints.py). The range is from −log K to log K.

A network that has memorized is sure at its examples and nowhere else. One that has fitted nothing is as unsure at them
as between, so that nothing rises.

This project; no label is read.
Differs from the paper: there is none.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

from torch import Tensor

from measures import INVARIANCES, measure
from measures.interpolation._midpoints import midpoints
from measures.trained_model import TrainedModel


@measure(source="this project, entropy halfway to the nearest other example", invariant_to=INVARIANCES)
def midpoint_entropy(trained: TrainedModel) -> float:
    pairs, own = midpoints(trained), entropy(trained.logits)
    return float((entropy(pairs.logits) - (own[pairs.one] + own[pairs.other]) / 2).mean())


def entropy(logits: Tensor) -> Tensor:
    """Of the softmax of each row (m, num_classes), in nats, (m,)."""
    logs = logits.double().log_softmax(dim=1)
    return -(logs.exp() * logs).sum(dim=1)

"""Functional conditional information: do the outputs tell which example of a pair the network was trained on?

    μ = √(2 I)     I = log 2 − h(a)     h(a) = −a log a − (1 − a) log(1 − a), in nats

a is the share of pairs of which the network has the smaller loss on the example that it was trained on (a tie counts
half), so I is the information that this comparison gives about membership, at most log 2. The paper bounds the gap by
the mean over pairs of √(2 I(outputs on the pair; member)).

Harutyunyan et al. 2021 (arXiv:2110.01584), section 3 (functional CMI, one pair at a time); Steinke & Zakynthinou 2020
(arXiv:2001.09122) for the pairs.
Differs from the papers:
1. The information is of which loss is smaller, not of all outputs: less, so that μ is not a bound.
2. It is one number for all pairs, estimated from two networks: one trained on the first example of each pair, the other
   on the second; the papers draw the members of every pair, and many times.
3. Half of the training set is in pairs, so each network is trained on a quarter. The given network does not enter.

Claims: larger gap (Harutyunyan et al. 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

import torch
from torch import Tensor

from measures import measure
from measures.quantities.random_splits import pairs
from measures.trained_model import TrainedModel


@measure(
    source="Harutyunyan et al. 2021, section 3; Steinke & Zakynthinou 2020",
    cost="retrain",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def functional_conditional_information(trained: TrainedModel) -> float:
    both = pairs(trained)
    seen, unseen = _losses(both.seen, both.seen_labels), _losses(both.unseen, both.unseen_labels)
    identified = torch.where(seen == unseen, 0.5, (seen < unseen).double())
    return math.sqrt(2 * information(float(identified.mean())))


def information(share: float) -> float:
    """Nats that a guess tells of a fair bit when it is right in this share of cases."""
    terms = [p * math.log(2 * p) for p in (share, 1 - share) if p > 0]
    return max(0.0, sum(terms))  # not below 0 but by rounding, at a half


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits.double().flatten(0, 1), labels.flatten(), reduction="none")

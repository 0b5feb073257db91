"""How often do two networks, trained on half of the examples each, disagree halfway between examples of either half?

    μ = 1/m Σ 1[c_A(z) ≠ c_B(z)]      z = (xᵢ + xⱼ)/2,  i in A,  j the example of B nearest to i, in the inputs

A and B are the first and the second half of the training set in a random order (quantities/random_splits.py), c_A and
c_B the classes that the networks trained on them tell; i runs through the first m ≤ 1,000 examples of A.

Each end is a training example of one of the networks and new to the other. The given network's weights do not enter.

This project; disagreement as in Jiang, Nagarajan, Baek & Kolter 2022 (arXiv:2106.13799), there at new inputs.
Differs from the paper: at points made of the two training sets in place of unlabeled data.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

import torch

from measures import INVARIANCES, measure
from measures.quantities.hold_out import predictions
from measures.quantities.random_splits import eighths, shuffled
from measures.trained_model import TrainedModel

PAIRS = 1000


@measure(source="this project, after Jiang et al. 2022", cost="retrain", invariant_to=INVARIANCES)
def halves_between(trained: TrainedModel) -> float:
    half = eighths(trained, 4)
    first, second = shuffled(trained)[:half], shuffled(trained)[half : 2 * half]
    ones, others = trained.inputs[first[:PAIRS]], trained.inputs[second]
    flat = others.flatten(1).double()
    distances = torch.cat([torch.cdist(x.flatten(1).double(), flat) for x in ones.split(100)])
    halfway = (ones + others[distances.argmin(dim=1)]) / 2
    told = [
        predictions(trained, trained.retrain(trained.inputs[part], trained.labels[part]), halfway)
        for part in (first, second)
    ]
    return float((told[0] != told[1]).double().mean())

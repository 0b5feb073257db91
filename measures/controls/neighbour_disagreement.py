"""A control: do examples agree with their nearest neighbours? It reads the data and never a network.

    μ = (1/n) · #{i : y_j ≠ yᵢ for the nearest j ≠ i}     a fraction; Euclidean distance of the inputs

Cover & Hart 1967 (IEEE Trans. Inf. Theory 13:21): the error of the nearest-neighbour rule, leaving one out. Random
labels and random inputs raise it, so it passes the randomization test, and says nothing of any network.
Differs from the paper: none.

Claims: nothing, it is a control.
Random labels: unknown (the source could not be had).
"""

import torch

from measures import INVARIANCES, NotApplicable, measure
from measures.trained_model import TrainedModel

CHUNK = 500  # examples whose distances to all others are held at a time


@measure(source="Cover & Hart 1967, leave-one-out error of the nearest neighbour", invariant_to=INVARIANCES)
def neighbour_disagreement(trained: TrainedModel) -> float:
    if len(trained.labels) < 2:
        raise NotApplicable("a single example has no neighbour")
    inputs, labels = trained.inputs.flatten(1).double(), trained.labels
    wrong = 0
    for start in range(0, len(inputs), CHUNK):
        distances = torch.cdist(inputs[start : start + CHUNK], inputs, compute_mode="donot_use_mm_for_euclid_dist")
        own = torch.arange(len(distances), device=inputs.device)
        distances[own, own + start] = torch.inf
        wrong += int((labels[distances.argmin(dim=1)] != labels[start : start + CHUNK]).sum())
    return wrong / len(inputs)

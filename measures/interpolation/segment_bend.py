"""How far the features halfway to the nearest other training example lie from the mean of both ends'.

    μ = Σ ‖h(z) − (h(xᵢ) + h(xⱼ))/2‖₂  /  Σ ‖h(xᵢ) − h̄‖₂

h is what the last linear layer receives (TrainedModel.features), h̄ its mean over the pairs' first examples; z = (xᵢ +
xⱼ)/2, where xⱼ is the training example nearest to xᵢ, in the inputs, whatever its label (interpolation/_midpoints.py).

Features that are stable along the segment between two neighbours change on a line. Where each example is fitted by
itself, they bend on the way. No label is read.

This project.
Differs from the paper: there is none.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

import dataclasses

from measures import INVARIANCES, NotApplicable, measure
from measures.interpolation._midpoints import midpoints
from measures.rounding import all_same
from measures.trained_model import TrainedModel


@measure(source="this project, features halfway to the nearest other example", invariant_to=INVARIANCES)
def segment_bend(trained: TrainedModel) -> float:
    pairs, features = midpoints(trained), trained.features.double()
    there = dataclasses.replace(trained, inputs=pairs.inputs, labels=trained.labels[pairs.one]).features.double()
    first = features[pairs.one]
    scale = float((first - first.mean(dim=0)).norm(dim=1).sum())
    if all_same(first):
        raise NotApplicable("the features of every example are equal: there is no scale to compare a bend with")
    return float((there - (first + features[pairs.other]) / 2).norm(dim=1).sum()) / scale

"""Error where examples are displaced as nearest neighbours are, minus the error on the training set.

    μ = 1/m Σ 1[c(xᵢ + (x_b − x_a)/2) ≠ yᵢ]  −  1/n Σ 1[c(xᵢ) ≠ yᵢ]

c is the class of the largest logit. (a, b) is another example with its nearest other: the pair that follows (i, j) in
the m ≤ 1,000 pairs, the first after the last (interpolation/_midpoints.py).

The data say how far, and in which directions, an example may be moved and stay an example: half of the way that two
neighbours are apart. No label but the example's own is read, and the move does not lead towards a neighbour.

This project. Noise of the data's own covariance in place of isotropic noise, as in augmented_margin and noise_stability
a fixed one.
Differs from the paper: there is none.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

import dataclasses

from measures import INVARIANCES, measure
from measures.interpolation._midpoints import midpoints, training_error
from measures.trained_model import TrainedModel


@measure(source="this project, errors where examples move as neighbours differ", invariant_to=INVARIANCES)
def displaced_error(trained: TrainedModel) -> float:
    pairs = midpoints(trained)
    one, a, b = pairs.one, pairs.one.roll(-1), pairs.other.roll(-1)
    moved = trained.inputs[one] + (trained.inputs[b] - trained.inputs[a]) / 2
    labels = trained.labels[one]
    told = dataclasses.replace(trained, inputs=moved, labels=labels).logits.argmax(dim=1)
    return float((told != labels).double().mean()) - training_error(trained)

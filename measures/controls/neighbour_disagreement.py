"""A control: do examples agree with their nearest neighbours? It reads the data and never a network.

    μ = (1/n) · #{i : y_j ≠ yᵢ for the nearest j ≠ i}     a fraction; Euclidean distance of the inputs

Cover & Hart 1967 (IEEE Trans. Inf. Theory 13:21): the error of the nearest-neighbour rule, leaving one out. Random
labels and random inputs raise it, so it passes the randomization test, and says nothing of any network.
Differs from the paper: none.

Claims: nothing, it is a control.
Random labels: unknown (the source could not be had).
"""

from measures import INVARIANCES, NotApplicable, measure
from measures.quantities.nearest_others import nearest_examples
from measures.trained_model import TrainedModel


@measure(source="Cover & Hart 1967, leave-one-out error of the nearest neighbour", invariant_to=INVARIANCES)
def neighbour_disagreement(trained: TrainedModel) -> float:
    if len(trained.labels) < 2:
        raise NotApplicable("a single example has no neighbour")
    nearest = nearest_examples(trained)
    return int((trained.labels[nearest] != trained.labels).sum()) / len(nearest)

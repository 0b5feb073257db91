"""Errors on new points made of training examples, minus the error on the training set: estimates of the gap.

    mixup_gap            μ = mixup_accuracy − train_error
    manifold_mixup_gap   μ = manifold_mixup_accuracy − train_error
    knn_gap              μ = knn_disagreement − train_error

The first terms are errors: shares of new points, or of examples by the vote of their neighbours, that get another label
than their own (representation/mixup_accuracy.py, manifold_mixup_accuracy.py, knn_disagreement.py). train_error is the
share of the training set that the network gets wrong. Before a network has fitted its training set an error is large,
whatever the gap is; what it has not fitted is not part of the gap, and is taken off.

This project; the errors are those of Natekar & Sharma 2020 (arXiv:2012.02775) and Cover & Hart 1967.
Differs from the paper: they have no second term.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

from measures import INVARIANCES, measure
from measures.interpolation._midpoints import training_error
from measures.representation.knn_disagreement import knn_disagreement
from measures.representation.manifold_mixup_accuracy import manifold_mixup_accuracy
from measures.representation.mixup_accuracy import mixup_error
from measures.trained_model import TrainedModel


@measure(source="this project, after Natekar & Sharma 2020", invariant_to=INVARIANCES)
def mixup_gap(trained: TrainedModel) -> float:
    return mixup_error(trained) - training_error(trained)


@measure(source="this project, after Natekar & Sharma 2020", cost="slow", invariant_to=INVARIANCES)
def manifold_mixup_gap(trained: TrainedModel) -> float:
    return manifold_mixup_accuracy(trained) - training_error(trained)


@measure(source="this project, after Cover & Hart 1967", invariant_to=INVARIANCES)
def knn_gap(trained: TrainedModel) -> float:
    return knn_disagreement(trained) - training_error(trained)

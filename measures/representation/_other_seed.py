"""The features of the same training set in a network that another seed gave: shared by what compares the two."""

import dataclasses

from torch import Tensor

from measures import NotApplicable
from measures.once_per_model import once_per_model
from measures.representation._layer_features import hidden_layers, layer_features
from measures.trained_model import TrainedModel


@once_per_model
def centred_pair(trained: TrainedModel) -> tuple[Tensor, Tensor]:
    """Last hidden layers of the given network and of one retrained with another seed, (m, width) each, float64.

    Of the same examples, less their mean. NotApplicable where either is the same for all of them.
    """
    layer = hidden_layers(trained)[-1]
    other = trained.retrain(trained.inputs, trained.labels, reseed=1)
    pair = [layer_features(network)[layer] for network in (trained, dataclasses.replace(trained, model=other))]
    first, second = (features - features.mean(dim=0) for features in pair)
    if not (first.any() and second.any()):
        raise NotApplicable(f"the last hidden layer gives all {len(first)} examples the same features")
    return first, second

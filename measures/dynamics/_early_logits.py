"""What the networks of early training return for the training set, once for all measures that ask."""

import dataclasses

from torch import Tensor

from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel


@once_per_model
def early_logits(trained: TrainedModel, place: int) -> Tensor:
    """Outputs on the training inputs, (n, num_classes), of the network at this place of `snapshots`, counted from 0."""
    _, network = trained.snapshots[place]
    return dataclasses.replace(trained, model=network).logits

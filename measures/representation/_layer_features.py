"""What the layers see of a sample of the training set: the ground on which representation measures stand.

Layer 0 is the input itself; layer l is what the weight layer after l others receives, so that the last layer is what
the last linear layer receives. Examples are the first of `random_order`, the same for twins with equal inputs.
"""

from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

EXAMPLES = 1000  # at most so many


@once_per_model
def sampled_labels(trained: TrainedModel) -> Tensor:
    """Labels of the sample, (m,)."""
    return trained.sample(EXAMPLES)[1]


@once_per_model
def layer_features(trained: TrainedModel) -> tuple[Tensor, ...]:
    """The sample in layer 0, 1, ..., flattened: (m, width) each, float64."""
    inputs, _ = trained.sample(EXAMPLES)
    layers = (inputs.flatten(1), *trained.hidden_features_of(inputs))
    return tuple(layer.double() for layer in layers)


def hidden_layers(trained: TrainedModel) -> range:
    """The numbers of the layers that are not the input; NotApplicable where there is none."""
    layers = len(layer_features(trained))
    if layers < 2:
        raise NotApplicable("the network applies one Linear or Conv2d layer at most: there is no hidden layer")
    return range(1, layers)

"""What the last layer receives of all training examples, its classes' means, and its weights, in float64.

`TrainedModel.features` says what it receives; in a network of one layer these are the inputs.
"""

import dataclasses

import torch
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.layer_inputs import with_layers_known
from measures.networks.effective_layers import WithEquivalent, is_plain, plain_equivalent
from measures.networks.layer_hooks import linear_and_convolutional, recorded_run
from measures.once_per_model import once_per_model
from measures.rounding import SAME, all_same
from measures.trained_model import TrainedModel


@dataclasses.dataclass(frozen=True, eq=False)
class ClassMeans:
    """Of the C classes that occur among the training examples.

    - `features` (n, width); `present` (C,), the labels; `means` (C, width).
    - `centred` (C, width): each mean less the mean of the means, none of length 0.
    """

    features: Tensor
    present: Tensor
    means: Tensor
    centred: Tensor


@once_per_model
def class_means(trained: TrainedModel) -> ClassMeans:
    """NotApplicable where fewer than two classes occur, or a class has the mean of all classes for its own."""
    features = trained.features.double()
    present, members, counts = trained.labels.unique(return_inverse=True, return_counts=True)
    if len(present) < 2:
        raise NotApplicable(f"{len(present)} class occurs in the training set; classes are compared")
    sums = features.new_zeros(len(present), features.shape[1]).index_add_(0, members, features)
    means = sums / counts[:, None]
    centred = means - means.mean(dim=0)
    shortest, spread = float(centred.norm(dim=1).min()), float(features.var(dim=0, correction=0).sum().sqrt())
    if shortest <= SAME * spread or all_same(features):
        raise NotApplicable(f"the mean of a class is {shortest:.3g} from the mean of all classes: it has no direction")
    return ClassMeans(features, present, means, centred)


def last_weight(trained: TrainedModel) -> Tensor:
    """The weights (num_classes, width) that the last layer multiplies the features by.

    NotApplicable where there are no such weights: the last Linear or Conv2d layer has other outputs or inputs.
    """
    network = with_layers_known(trained.model, trained.inputs)
    layers = linear_and_convolutional(network)
    with torch.no_grad():
        _, applications = recorded_run(network, layers, trained.inputs[:1])
    applied = [application.layer for application in applications]
    last: WithEquivalent = next((layer for layer in reversed(applied) if isinstance(layer, nn.Linear)), applied[-1])
    if not is_plain(last):
        names = {module: name for name, module in network.named_modules()}
        received = next(one.received for one in reversed(applications) if one.layer is last)
        last = plain_equivalent(names[last], last, received)
    weight, width = last.weight.detach().double().flatten(1), trained.features.shape[1]
    if weight.shape != (trained.num_classes, width):
        raise NotApplicable(
            f"the last layer has weights of shape {tuple(last.weight.shape)}; expected one vector of {width} features "
            f"for each of {trained.num_classes} classes"
        )
    return weight

"""Mean squared length of per-example gradients: with the given labels, and with the network's own (the Fisher trace).

Over all the examples given, CHUNK at a time; the model must be in evaluation mode.
"""

import torch
from torch import Tensor, nn

from measures.once_per_model import once_per_model
from measures.quantities.per_example import CHUNK, forward_passes, loss_cotangents, squared_norms
from measures.trained_model import TrainedModel


def mean_squared_norm(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """(1/m) Σᵢ ‖gᵢ‖², gᵢ the gradient of example i's cross-entropy with respect to all weights."""
    total = 0.0
    for passed, y in zip(forward_passes(model, inputs.split(CHUNK)), labels.split(CHUNK), strict=True):
        total += float(squared_norms(passed, loss_cotangents(passed.logits, y)).double().sum())
    return total / len(inputs)


@torch.no_grad()
def fisher_trace_of(model: nn.Module, inputs: Tensor) -> float:
    """(1/m) Σᵢ E ‖∇ log p(y | xᵢ)‖², y drawn by the model's own probabilities, the expectation exact."""
    total = 0.0
    for passed in forward_passes(model, inputs.split(CHUNK)):
        probabilities = passed.logits.double().softmax(dim=1)
        for label, probability in enumerate(probabilities.unbind(dim=1)):
            labels = torch.full((len(probabilities),), label, device=probabilities.device)
            total += float(probability @ squared_norms(passed, loss_cotangents(passed.logits, labels)).double())
    return total / len(inputs)


@once_per_model
def fisher_trace_at_end(trained: TrainedModel) -> float:
    """`fisher_trace_of` the trained network, over the training set."""
    return fisher_trace_of(trained.model, trained.inputs)

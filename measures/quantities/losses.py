"""Loss, gradient, curvature and error of a trained model on its training set, at any parameters.

Parameters are one flat vector: all that `model.parameters()` lists, in that order, batch normalization's scale and
shift among them. The model is called with the vector in place of its own parameters and is never changed, gradients
included. It stays in evaluation mode: batch normalization uses its running statistics, which do not follow the vector.
Losses are nats per example, errors fractions, both means over the training set, taken CHUNK examples at a time.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from measures.quantities.close_fit import for_loss
from measures.quantities.flat_parameters import flat_parameters, logits_at, second_derivative
from measures.trained_model import TrainedModel

CHUNK = 512  # examples a pass: bounds the memory, and on one CPU core 256 or all at once are no faster


@torch.no_grad()
def mean_loss(trained: TrainedModel, parameters: Tensor) -> float:
    """Mean training cross-entropy at `parameters`."""
    total = sum(float(_loss(trained, parameters, x, y)) for x, y in _chunks(trained))
    return total / len(trained.labels)


def loss_of_logits(trained: TrainedModel) -> float:
    """Mean training cross-entropy at the trained parameters: `mean_loss` there, of the logits that are shared."""
    parts = zip(for_loss(trained, trained.logits).split(CHUNK), trained.labels.split(CHUNK), strict=True)
    return sum(float(F.cross_entropy(logits, y, reduction="sum")) for logits, y in parts) / len(trained.labels)


@torch.no_grad()
def train_error(trained: TrainedModel, parameters: Tensor) -> float:
    """Fraction of the training set that is misclassified at `parameters`."""
    wrong = sum(int((logits_at(trained.model, parameters, x).argmax(dim=1) != y).sum()) for x, y in _chunks(trained))
    return wrong / len(trained.labels)


@torch.enable_grad()
def loss_and_gradient(trained: TrainedModel, parameters: Tensor) -> tuple[float, Tensor]:
    """Mean training cross-entropy at `parameters` and its gradient (p,)."""
    total, gradient = 0.0, torch.zeros_like(parameters)
    for x, y in _chunks(trained):
        theta = parameters.detach().requires_grad_()
        loss = _loss(trained, theta, x, y)
        gradient += torch.autograd.grad(loss, theta)[0]
        total += float(loss.detach())
    return total / len(trained.labels), gradient / len(trained.labels)


@torch.enable_grad()
def hessian_times(trained: TrainedModel, vectors: Tensor) -> Tensor:
    """The Hessian of the mean training cross-entropy at the trained parameters times each of `vectors` (k, p).

    One vector costs about two gradients; of many at once each costs less, since they share the first.
    """
    products = torch.zeros_like(vectors)
    for x, y in _chunks(trained):
        theta = flat_parameters(trained.model).requires_grad_()
        (gradient,) = torch.autograd.grad(_loss(trained, theta, x, y), theta, create_graph=True)
        for product, vector in zip(products, vectors, strict=True):
            product += second_derivative(gradient, theta, vector)
    return products / len(trained.labels)


def _chunks(trained: TrainedModel) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(torch.split(trained.inputs, CHUNK), torch.split(trained.labels, CHUNK), strict=True)


def _loss(trained: TrainedModel, parameters: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy summed over the examples given."""
    logits = logits_at(trained.model, parameters, inputs)
    return F.cross_entropy(for_loss(trained, logits), labels, reduction="sum")

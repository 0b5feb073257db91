"""The slow and obvious way to gradients of each example: all of them, as the rows of a matrix."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gradients_one_by_one(model: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """Every example's gradient of the cross-entropy, (m, p), one backward pass each."""
    rows = []
    for x, y in zip(inputs, labels, strict=True):
        loss = F.cross_entropy(model(x[None]), y[None])
        rows.append(torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(model.parameters()))]))
    return torch.stack(rows)


def jacobian(model: nn.Module, inputs: Tensor) -> Tensor:
    """The gradient of every logit of every example with respect to all weights, (m, K, p)."""
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}
    blocks = torch.func.jacrev(lambda w: torch.func.functional_call(model, w, (inputs,)))(weights)
    return torch.cat([block.reshape(*block.shape[:2], -1) for block in blocks.values()], dim=2)

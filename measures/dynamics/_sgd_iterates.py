"""How plain stochastic gradient descent goes on from the trained weights: the geometry of its steps.

Only the inner products of the steps are kept, which give all distances between the points visited and all lengths of
sums of steps. The steps themselves are held MAX_ENTRIES numbers at a time: for a network with more weights than
MAX_ENTRIES / STEPS the same descent is run again for the next weights.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from measures.errors import NotApplicable
from measures.history import require_epochs
from measures.networks.copying import copy_of
from measures.networks.plain_network import require_readable
from measures.once_per_model import once_per_model
from measures.trained_model import TrainedModel

STEPS = 144
BATCH = 32  # examples a step, drawn with replacement, so that the noise of the steps is independent
MAX_ENTRIES = 100_000_000  # 400 MB in float32: one descent for networks of up to 690,000 weights


@once_per_model
def step_products(trained: TrainedModel) -> Tensor:
    """Inner products of the steps θ_t − θ_{t−1} for t = 1 … STEPS, (STEPS, STEPS) float64; θ_0 the trained weights.

    Frozen weights move as well. No momentum and no weight decay, in evaluation mode (running statistics stay), at the
    median of the rates that the network was trained with.
    """
    require_readable(trained.model)
    size, held = sum(weight.numel() for weight in trained.model.parameters()), MAX_ENTRIES // STEPS
    products = torch.zeros(STEPS, STEPS, dtype=torch.float64)
    for start in range(0, size, held):
        steps = _steps(trained, start, min(start + held, size))
        products += (steps @ steps.mT).double().cpu()
    if not bool(products.isfinite().all()):
        raise NotApplicable(f"plain SGD from the trained weights diverges within {STEPS} steps")
    return products


def distances(products: Tensor) -> Tensor:
    """Distances between the points θ_1 … θ_STEPS, (STEPS, STEPS), from the inner products of the steps."""
    inner = products.cumsum(dim=0).cumsum(dim=1)  # of θ_s − θ_0 and θ_t − θ_0
    squares = inner.diagonal()
    return (squares[:, None] + squares - 2 * inner).clamp(min=0).fill_diagonal_(0).sqrt()


@torch.no_grad()
def _steps(trained: TrainedModel, start: int, end: int) -> Tensor:
    """Entries start to end of every step, (STEPS, end - start)."""
    first = next(trained.model.parameters())
    steps = first.new_empty(STEPS, end - start)  # once: a list and its stack would be twice the memory
    for step, (_, gradients, rate) in zip(steps, descent(trained), strict=True):
        torch.mul(torch.cat([gradient.flatten() for gradient in gradients])[start:end], -rate, out=step)
    return steps


def descent(trained: TrainedModel) -> Iterator[tuple[nn.Module, tuple[Tensor, ...], float]]:
    """The network after each of STEPS steps, the gradients that it came by, and the rate; the same at every call."""
    network, x, y = copy_of(trained.model).requires_grad_(), trained.inputs, trained.labels
    require_epochs(trained.history)
    theta, rate = [*network.parameters()], float(trained.history.learning_rates.median())
    drawn = torch.randint(len(y), (STEPS, BATCH), generator=trained.generator())
    for batch in trained.random_order[drawn.to(y.device)]:
        with torch.enable_grad():
            loss = F.cross_entropy(network(x[batch]), y[batch])
            gradients = torch.autograd.grad(loss, theta, materialize_grads=True)  # 0 where a weight is not used
        with torch.no_grad():
            for weight, gradient in zip(theta, gradients, strict=True):
                weight.sub_(rate * gradient)
        yield network, gradients, rate

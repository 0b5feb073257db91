"""Intrinsic dimension of the objective: the smallest random subspace through the initial weights that solves it.

    μ = the smallest d in {4, 8, …, 2048} with ê(θ₀ + P z) ≤ 0.1 for a z found by training     P (p, d), Pᵀ P = I

θ₀ are the p initial weights and biases, P is random and stays, and z starts at 0 and alone is trained. How many numbers
does it take to tell the labels of the examples? The paper finds shuffled labels to take far more than true ones.

Li, Farkhi, Liu & Yosinski 2018 (arXiv:1804.08838), section 2: d_int90.
Differs from the paper:
1. On the first 128 examples in a random order, with 100 steps of Adam on all of them, each coordinate of z moving by
   about 1/√d a step, so that θ moves by about 1 whatever d is. ê is the fraction of them misclassified, at the start or
   after any step.
2. Solved is an error of 10% on these examples; the paper has 90% of the full network's validation accuracy.
3. Every row of P has one entry: weights are shared out at random among the d coordinates, with a random sign. The paper
   has dense, sparse and Fastfood projections.
4. The smallest d is sought by bisection, as though every larger one were enough as well.
5. Batch normalization is as in evaluation mode; its running statistics stay what they were before training.
6. The trained network does not enter: the value is about its start and its training set.

Claims: read into it.
Random labels: separates (Li, Farkhi, Liu & Yosinski 2018, MNIST with shuffled labels).
"""

import bisect
import math

import torch
import torch.nn.functional as F

from measures import NotApplicable, measure
from measures.quantities.flat_parameters import logits_at
from measures.quantities.random_subspace import random_subspace
from measures.trained_model import TrainedModel

DIMENSIONS = tuple(2**k for k in range(2, 12))
EXAMPLES = 128
STEPS = 100
SOLVED = 0.9  # share of the examples classified correctly


@measure(
    source="Li, Farkhi, Liu & Yosinski 2018, section 2",
    cost="retrain",
    version=2,
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def intrinsic_dimension_of_objective(trained: TrainedModel) -> float:
    weights = sum(weight.numel() for weight in trained.init.parameters())
    dimensions = [d for d in DIMENSIONS if d <= weights]
    place = bisect.bisect_left(dimensions, SOLVED, key=lambda d: share_solved(trained, d))
    if place == len(dimensions):
        raise NotApplicable(f"no subspace of up to {dimensions[-1]} dimensions gets {SOLVED:.0%} of the examples right")
    return float(dimensions[place])


def share_solved(trained: TrainedModel, d: int) -> float:
    """The share of the examples classified correctly in a subspace of d dimensions: SOLVED, or the best on the way."""
    x, y = trained.sample(EXAMPLES)
    subspace, best = random_subspace(trained, d), 0.0
    z, mean, square = subspace.start.new_zeros(3, d)
    for step in range(1, STEPS + 2):
        theta = subspace.at(z).requires_grad_()
        with torch.enable_grad():
            logits = logits_at(trained.init, theta, x)
            loss = F.cross_entropy(logits, y)
        best = max(best, float((logits.argmax(dim=1) == y).double().mean()))
        if best >= SOLVED or step > STEPS:
            break
        (gradient,) = torch.autograd.grad(loss, theta)
        along = subspace.along(gradient)
        mean, square = 0.9 * mean + 0.1 * along, 0.999 * square + 0.001 * along**2
        z = z - mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8) / math.sqrt(d)
    return best

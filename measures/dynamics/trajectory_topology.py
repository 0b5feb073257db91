"""Topology of the path of stochastic gradient descent around the trained weights: how long, of how many points is it?

    lifetime sum  E = Σ over the edges e of a minimum spanning tree of the points of  |e|
    magnitude     M = Σₛ max(βₛ, 0)     Zβ = 1,  Zₛₜ = exp(−√n d(θₛ, θₜ))

    trajectory_lifetime_sum, trajectory_magnitude              d = ‖θₛ − θₜ‖₂
    trajectory_loss_lifetime_sum, trajectory_loss_magnitude    d = (1/n) Σᵢ |ℓ(θₛ, zᵢ) − ℓ(θₜ, zᵢ)|

θ₁ … θ_T are the weights after each of T = 144 further steps of plain SGD (_sgd_iterates.py), n the number of training
examples zᵢ, ℓ the cross-entropy in nats. The edges are the lifetimes of the points' persistent homology of degree 0. M
counts the points that can be told apart at distances of 1/√n: from 1, where all are one, to T. Points at distance 0 are
one point.

Andreeva, Dupuis, Sarkar, Birdal & Simsekli 2024 (arXiv:2407.08723), α-weighted lifetime sums with α = 1 and the
positive magnitude PMag(√n), under the Euclidean distance and the loss's pseudometric: bounds on the gap grow with them.
Differs from the paper:
1. 144 steps of plain SGD at the median of the rates that the network was trained with; the paper takes thousands of
   steps, of the optimizer that trained it.
2. The bounds' terms of information between path and data set, which nobody computes, are left out.
3. d of the losses is over all examples up to 2,000, else over about so many, weighted by their residuals so that d
   stays unbiased; the paper takes a part of the data as well.
4. The paper compares networks of different rates and sizes of batches. Of twins at one loss, the path is the longer one
   where the loss is that of few examples, since these make some steps long: the natural twin's, as a rule.

Claims: larger gap (abstract; figure 1).
Random labels: unknown (of the paper abstract, figures and tables could be had).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from measures import NotApplicable, measure
from measures.dynamics._sgd_iterates import descent, distances, step_products
from measures.dynamics.trajectory_dimension import tree_length
from measures.once_per_model import once_per_model
from measures.quantities.flat_parameters import flat_parameters
from measures.quantities.hessian_spectrum import weighted_examples
from measures.trained_model import CHUNK, TrainedModel

EXAMPLES = 2000
UNSEEN = {"unit_permutation", "logit_shift"}


@measure(source="Andreeva et al. 2024, lifetime sum of weights", cost="slow", invariant_to=UNSEEN)
def trajectory_lifetime_sum(trained: TrainedModel) -> float:
    return lifetime_sum(distances(step_products(trained)))


@measure(source="Andreeva et al. 2024, positive magnitude of weights", cost="slow", invariant_to=UNSEEN)
def trajectory_magnitude(trained: TrainedModel) -> float:
    return positive_magnitude(distances(step_products(trained)), len(trained.labels) ** 0.5)


@measure(source="Andreeva et al. 2024, lifetime sum of losses", cost="slow", invariant_to=UNSEEN)
def trajectory_loss_lifetime_sum(trained: TrainedModel) -> float:
    return lifetime_sum(loss_distances(trained))


@measure(source="Andreeva et al. 2024, positive magnitude of losses", cost="slow", invariant_to=UNSEEN)
def trajectory_loss_magnitude(trained: TrainedModel) -> float:
    return positive_magnitude(loss_distances(trained), len(trained.labels) ** 0.5)


def lifetime_sum(between: Tensor) -> float:
    """Length of a minimum spanning tree of points with these distances, (m, m)."""
    return tree_length(between, torch.arange(len(between)))


def positive_magnitude(between: Tensor, scale: float) -> float:
    """Σ max(β, 0) where exp(−scale · distances) β = 1, of the points that differ; distances (m, m)."""
    earlier = torch.ones_like(between, dtype=torch.bool).tril(-1)
    apart = ~((between == 0) & earlier).any(dim=1)
    similarity = torch.exp(-scale * between[apart][:, apart])
    weights = torch.linalg.lstsq(similarity, similarity.new_ones(len(similarity), 1), driver="gelsd").solution
    return float(weights.clamp(min=0).sum())


@once_per_model
@torch.no_grad()
def loss_distances(trained: TrainedModel) -> Tensor:
    """Mean absolute difference of the examples' losses between the points, (STEPS, STEPS) float64 on the CPU."""
    flat_parameters(trained.model)  # a network without parameters does not descend
    chosen, weights = weighted_examples(trained, EXAMPLES)
    inputs, labels = trained.inputs[chosen], trained.labels[chosen]
    rows = []
    for network, _, _ in descent(trained):
        logits = torch.cat([network(x) for x in inputs.split(CHUNK)]).double()
        rows.append(F.cross_entropy(logits, labels, reduction="none") * weights / len(trained.labels))
    losses = torch.stack(rows).cpu()
    if not bool(losses.isfinite().all()):
        raise NotApplicable(f"plain SGD from the trained weights diverges within {len(losses)} steps")
    return torch.cdist(losses, losses, p=1)

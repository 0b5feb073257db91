"""Sharpness in units of what the learning rate bears: the Hessian's largest eigenvalue times the rate.

    μ = η λ₁(H)     H = ∇²L(θ)

L is the mean cross-entropy of the training set, θ all weights of the trained network, η the median of the rates that it
was trained with. Without unit: gradient descent with this rate, all examples and no momentum is unstable on a quadratic
loss from μ = 2 on.

Cohen, Kaur, Li, Kolter & Talwalkar 2021 (arXiv:2103.00065): full-batch gradient descent drives μ to 2, and keeps it
there.
Differs from the paper:
1. The paper claims no connection of its sharpness to generalization (introduction, footnote).
2. λ₁ as in hessian_top_eigenvalue.py, of a weighted sample of the training set; the paper's networks see all of it.
3. The paper's rate is constant; the median is that rate, and where it changes in the course of training, one of them.
4. Trained with batches, to a loss, and with momentum m (which would move the limit to 2 (1 + m)), a network need not
   reach the edge.

Claims: read into it.
Random labels: unknown (the text of the paper could not be had).
"""

from measures import measure
from measures.curvature.hessian_top_eigenvalue import hessian_top_eigenvalue
from measures.history import require_epochs
from measures.trained_model import TrainedModel


@measure(
    source="Cohen et al. 2021, sharpness times step size", cost="slow", invariant_to={"unit_permutation", "logit_shift"}
)
def edge_of_stability(trained: TrainedModel) -> float:
    require_epochs(trained.history)
    return float(trained.history.learning_rates.double().median()) * hessian_top_eigenvalue(trained)

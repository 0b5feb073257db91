"""Uniform stability of stochastic gradient descent: how far can exchanging one training example move a loss?

    μ = (2L² / n) Σₜ αₜ     L = max over i and w ∈ {w₀, w} of ‖∇_w ℓ(f_w(xᵢ), yᵢ)‖₂

αₜ is the learning rate of step t, ℓ the cross-entropy, w₀ the initial and w the final weights, n the number of
training examples. In the theorem exchanging one example changes no example's loss by more than μ.

Hardt, Recht & Singer 2016 (arXiv:1509.01240), Theorem 3.8 (convex losses).
Differs from the paper:
1. The theorem is for convex, smooth losses and rates below 2 / smoothness; a network's loss is neither convex nor is
   the rate checked. Here the value is the formula's, and no bound.
2. L is a supremum over all weights and examples; here it is the largest of 2n gradients.
3. The theorem has no momentum; with momentum m a step moves up to 1 / (1 − m) times as far.
4. A step is on a batch of b examples: an example is met b times as often, with a b-th of the rate, and the sum stays.
5. With a number of steps fixed in advance, Σₜ αₜ cannot depend on the labels. Here training stops at a loss, so it
   says how long that took, and L is all else that the value sees of the labels.

Claims: larger gap (Hardt, Recht & Singer 2016, abstract).
Random labels: does not separate (Zhang et al. 2017, section 2.2).
"""

from measures import measure
from measures.quantities.final_gradients import final_gradients
from measures.quantities.per_example import gradient_norms
from measures.trained_model import TrainedModel


@measure(source="Hardt, Recht & Singer 2016, Theorem 3.8", invariant_to={"unit_permutation", "logit_shift"})
def uniform_stability(trained: TrainedModel) -> float:
    at_start = gradient_norms(trained.init, trained.inputs, trained.labels)
    lipschitz = max(float(norms.max()) for norms in (at_start, final_gradients(trained).norms))
    return 2 * lipschitz**2 / len(trained.labels) * float(trained.history.learning_rates.double().sum())

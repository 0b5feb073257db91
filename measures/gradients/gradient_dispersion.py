"""Gradient dispersion: how much noise did the steps of training take in, all together?

    μ = Σₜ ηₜ² Tr C(θₜ)     C = (1/n) Σᵢ (gᵢ − ḡ)(gᵢ − ḡ)ᵀ,  gᵢ = ∇_θ ℓ(f_θ(xᵢ), yᵢ)

ηₜ is the learning rate of step t, ℓ the cross-entropy, θₜ the weights before that step. Information-theoretic bounds on
the gap of stochastic gradient descent grow with this sum: a step tells of its batch what its noise carries.

Neu et al. 2021 (arXiv:2102.00931), whose bound's variance term this is; Wang & Mao 2022 (arXiv:2110.03128) name it.
Differs from the papers:
1. Tr C is known at the first step, at the ends of epochs 1, 2, 4 and 8 as far as training went, and at the end;
   between these it is interpolated linearly in the number of steps, which is coarse where it falls fast.
2. C is of single examples. A batch of b has a b-th of it; b is not among what a measure sees, and is equal for twins.
3. The bound has a second term, the sensitivity to perturbed weights, and a factor of the perturbation's size.
4. A step's rate is taken as it is: with momentum m its gradient moves the weights by up to 1 / (1 − m) times as much.
5. C is with batch normalization's running statistics.

Version 2: C is over all n training examples, where it was over the first 200 of `random_order`.

Claims: larger gap (Neu et al. 2021; Wang & Mao 2022).
Random labels: unknown (the sources could not be had).
"""

import math

import numpy as np

from measures import measure
from measures.gradients._gradient_moments import early_statistics, statistics_at_end, statistics_at_start
from measures.history import require_epochs
from measures.trained_model import TrainedModel


@measure(
    source="Neu et al. 2021; Wang & Mao 2022", version=2, cost="slow", invariant_to={"unit_permutation", "logit_shift"}
)
def gradient_dispersion(trained: TrainedModel) -> float:
    require_epochs(history := trained.history)
    early = early_statistics(trained) if len(history.snapshot_epochs) else ()
    steps_per_epoch = math.ceil(history.steps / history.epochs)
    known_at = [0, *(steps_per_epoch * history.snapshot_epochs).tolist(), history.steps]
    in_training = (statistics_at_start(trained), *early, statistics_at_end(trained))
    variances = [statistics.variance for statistics in in_training]
    rates = history.learning_rates.double().cpu().numpy()
    return float((rates**2 * np.interp(np.arange(history.steps), known_at, variances)).sum())

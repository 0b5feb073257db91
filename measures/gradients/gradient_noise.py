"""Variance of per-example gradients: how much does the gradient depend on which training example it is of?

    C = (1/n) Σᵢ (gᵢ − ḡ)(gᵢ − ḡ)ᵀ     gᵢ = ∇_θ ℓ(f_θ(xᵢ), yᵢ),  ḡ = (1/n) Σᵢ gᵢ

    gradient_noise       = Tr C of the trained network
    gradient_noise_scale = Σ Tr C / Σ ‖ḡ‖²     sums over the early networks

ℓ is the cross-entropy, θ all weights, the n examples are the training set. The early networks are those at the ends of
epochs 1, 2, 4 and 8, as far as training went. The noise scale is the batch size, in examples, at which noise and signal
of a step are equally long.

Jiang et al. 2020 (arXiv:1912.02178), the variance of gradients at the end of training; McCandlish et al. 2018
(arXiv:1812.06162), the simple noise scale, which averages numerator and denominator over steps separately, as here.
Differs from the papers:
1. The second paper makes no claim on generalization for the noise scale. It is taken early: at the end of training it
   is n times `gradient_diversity` less one and would be the same measure twice.
2. Batch normalization uses its running statistics, so that every example has a gradient of its own.

Version 2: over the training set, where it was over the first 200 examples of `random_order`.

Claims: larger gap (Jiang et al. 2020, of the variance; of the noise scale it is read into it).
Random labels: unknown (only the abstracts could be had).
"""

from measures import NotApplicable, measure
from measures.gradients._gradient_moments import early_statistics, statistics_at_end
from measures.trained_model import TrainedModel


@measure(source="Jiang et al. 2020, variance of gradients", version=2, invariant_to={"unit_permutation", "logit_shift"})
def gradient_noise(trained: TrainedModel) -> float:
    return statistics_at_end(trained).variance


@measure(
    source="McCandlish et al. 2018, simple noise scale",
    version=2,
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def gradient_noise_scale(trained: TrainedModel) -> float:
    early = early_statistics(trained)
    signal = sum(statistics.norm_of_mean for statistics in early)
    if not signal > 0:
        raise NotApplicable("the mean gradient is zero at every snapshot: the noise has no scale")
    return sum(statistics.variance for statistics in early) / signal

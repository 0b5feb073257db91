"""Gradient signal-to-noise ratio: do the training examples agree, weight by weight, where the weight should go?

    μ = −max over the early networks of  (1/p) Σⱼ E[gⱼ]² / Var[gⱼ]

gⱼ is the derivative of an example's cross-entropy with respect to weight j, p the number of weights; mean and variance
are over the n training examples. The early networks are those at the ends of epochs 1, 2, 4 and 8, as far as training
went. Negated: the claim is that a large ratio, early in training, generalizes.

Liu et al. 2020 (arXiv:2001.07384), the definition of GSNR.
Differs from the paper:
1. Mean and variance are over the training set, where the paper has the distribution's; of unrelated gradients the
   ratio is 1/n in expectation.
2. The paper plots the mean ratio over training, where it rises early if labels are true; here it is the largest of up
   to four points.
3. Weights whose derivative is the same for all examples (that of a pixel that is always 0) have no ratio and are left
   out of the mean.
4. Batch normalization uses its running statistics, so that every example has a gradient of its own.

Version 2: over the training set, where it was over the first 200 examples of `random_order`.

Claims: larger gap (Liu et al. 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

from measures import NotApplicable, measure
from measures.gradients._gradient_moments import early_statistics
from measures.trained_model import TrainedModel


@measure(
    source="Liu et al. 2020, GSNR",
    version=2,
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def gradient_snr(trained: TrainedModel) -> float:
    ratios = [statistics.signal_to_noise for statistics in early_statistics(trained)]
    if not any(map(math.isfinite, ratios)):
        raise NotApplicable("every weight's derivative is the same for all examples: signal over no noise")
    return -max(filter(math.isfinite, ratios))

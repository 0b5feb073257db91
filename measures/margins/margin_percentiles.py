"""The margin itself, at a percentile of the training set, negated: a larger margin predicts a smaller gap.

    μ = −γ     γ = 10th or 50th percentile over i of  f(xᵢ)[yᵢ] − max_{j≠yᵢ} f(xᵢ)[j]

In units of the logits, which nothing here sets a scale for; normalized_margins.py does.

Bartlett 1998 (IEEE Trans. Information Theory 44(2)); Jiang et al. 2019 (arXiv:1810.00113), whose signature of a margin
distribution begins with its percentiles.
Differs from the paper: negated. Where γ ≤ 0 it keeps its meaning (a share of the training set is misclassified) and
is the number it is, unlike 1/γ² (inverse_margin.py).

Claims: larger gap (Bartlett 1998; Jiang et al. 2019, abstract, of normalized ones).
Random labels: does not separate (Bartlett, Foster & Telgarsky 2017, abstract of the talk: not normalized).
"""

from measures import measure
from measures.trained_model import TrainedModel

FUNCTION_ONLY = ("layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift")


@measure(source="Bartlett 1998; Jiang et al. 2019", invariant_to=FUNCTION_ONLY)
def margin_10th_percentile(trained: TrainedModel) -> float:
    return -float(trained.margins.double().quantile(0.1))  # interpolated linearly between neighbours


@measure(source="Bartlett 1998; Jiang et al. 2019", invariant_to=FUNCTION_ONLY)
def margin_median(trained: TrainedModel) -> float:
    return -float(trained.margins.double().quantile(0.5))

"""Margins in the hidden layers: how far is an example, to first order, from the boundary in each representation?

    μ = −(1/L) Σₗ log medianᵢ dₗ(xᵢ)     dₗ(x) = γ(x) / (‖∇_{hₗ} γ(x)‖₂ √νₗ)     νₗ = mean over i of ‖hₗ(xᵢ) − h̄ₗ‖²

γ(x) = f(x)[y] − max_{j≠y} f(x)[j]; hₗ is what weight layer l receives, l = 1..L, so h₁ is the input; ∇_{hₗ} is taken
with hₗ free; √νₗ is the representation's total variation, which takes the unit of hₗ out of dₗ.

Jiang, Krishnan, Mobahi & Bengio 2019 (arXiv:1810.00113), its normalised margin distribution.
Differs from the paper:
1. The paper predicts the gap from quartiles and moments of dₗ by a linear regression over many networks. That cannot
   be defined from one network; this is the mean of one of its features, the logarithm of the median, negated.
2. All layers, and misclassified examples too; the paper takes four representations and the correctly classified.
3. At most 500 examples, the first of `random_order` (quantities/input_gradients.py).
4. Not applicable where a layer's median is not above 0.

Claims: larger gap (Jiang, Krishnan, Mobahi & Bengio 2019, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.input_gradients import MarginGradients, sample_margin_gradients
from measures.rounding import all_same
from measures.trained_model import TrainedModel


@measure(
    source="Jiang, Krishnan, Mobahi & Bengio 2019",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def hidden_margin(trained: TrainedModel) -> float:
    found = sample_margin_gradients(trained)
    medians = [float(normalised_margins(found, layer).quantile(0.5)) for layer in range(len(found.received))]
    for median in medians:
        if not 0 < median < math.inf:
            raise NotApplicable(f"a layer's median margin is {said(median)}, which has no finite logarithm")
    return -sum(math.log(median) for median in medians) / len(medians)


def said(margin: float) -> str:
    """A normalised margin, for a sentence."""
    return f"{margin:.3g}" if math.isfinite(margin) else "infinite or undefined (the margin has no gradient)"


def normalised_margins(found: MarginGradients, layer: int) -> Tensor:
    """dₗ of each example, (m,) float64; l counted from 0. NotApplicable where hₗ is the same for all."""
    h, gradient = found.received[layer], found.gradients[layer]
    if all_same(h):
        raise NotApplicable(f"representation {layer} is the same for every example: a margin has no scale there")
    total_variation = (h - h.mean(dim=0)).square().sum(dim=1).mean().sqrt()
    return found.margins.double() / (gradient.norm(dim=1) * total_variation).double()

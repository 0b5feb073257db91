"""Margin bounds by spectral norms in full: with depth, width, size of the inputs and number of examples.

    spectral_orig_bound         μ = ½ log( (B² d² h log(dh) Πₗ ‖Wₗ‖₂² Σₗ ‖Wₗ‖_F² / ‖Wₗ‖₂² + log(dn/δ)) / (γ² n) )
    spectral_init_bound         μ = the same with ‖Wₗ − Wₗ⁰‖_F² in place of ‖Wₗ‖_F²
    spectral_complexity_bound   μ = log( ‖X‖_F R log(h) / (γ n) + √(log(1/δ) / n) )

Wₗ is the true linear operator of layer l of d with batch normalization folded in, Wₗ⁰ the same before training, h the
largest number of values that a layer takes or gives, B = maxᵢ ‖xᵢ‖₂ and ‖X‖_F = (Σᵢ ‖xᵢ‖₂²)^½ over the n training
examples, γ the 10th percentile of the training margins, δ = 0.01; R is of measures/spectral/spectral_complexity.py. Up
to a constant factor that the theorems leave open, each is the logarithm of a bound on the error less the share of
examples with a smaller margin. Within one architecture and training set they order as their main terms do.

Neyshabur, Bhojanapalli & Srebro 2018 (arXiv:1707.09564), theorem 1, from the origin; with the distance from the start
as in the code of its authors; Bartlett, Foster & Telgarsky 2017 (arXiv:1706.08498), theorem 1.1. Jiang et al. 2020
(arXiv:1912.02178) have a bound of the first kind before the main terms of their eqs. 29 and 30.
Differs from the papers:
1. Jiang et al. take the factor for convolutions of Pitas, Davies & Vandergheynst 2017 (arXiv:1801.00171), with channels
   and kernels; here a convolution is a matrix, and h its larger side.
2. The authors' code leaves out B, log(dh) and the term with δ, and has √h by layer within the sum.
3. Biases are left out; the papers' networks have none.
4. Not applicable where γ ≤ 0, or where the layers are not a chain (skip connections, branches, attention).

Claims: larger gap (Neyshabur, Bhojanapalli & Srebro 2018, theorem 1; Bartlett, Foster & Telgarsky 2017, theorem 1.1).
Random labels: separates (Bartlett, Foster & Telgarsky 2017, abstract, of the complexity over the margin).
"""

import math

from measures import NotApplicable, measure
from measures.layer_chain import check_chain
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.spectral.pac_bayes_spectral import spectral_init_main, spectral_orig_main
from measures.spectral.spectral_complexity import spectral_complexity
from measures.trained_model import TrainedModel

DELTA = 0.01  # the probability with which the bound may fail


@measure(
    source="Neyshabur, Bhojanapalli & Srebro 2018, theorem 1",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def spectral_orig_bound(trained: TrainedModel) -> float:
    return log_perturbation_bound(trained, spectral_orig_main(trained))


@measure(
    source="Neyshabur, Bhojanapalli & Srebro 2018, theorem 1, from the initialization",
    invariant_to={"batch_norm_folding", "logit_shift"},
)
def spectral_init_bound(trained: TrainedModel) -> float:
    return log_perturbation_bound(trained, spectral_init_main(trained))


@measure(
    source="Bartlett, Foster & Telgarsky 2017, theorem 1.1",
    invariant_to={"batch_norm_folding", "logit_shift"},
)
def spectral_complexity_bound(trained: TrainedModel) -> float:
    check_chain(trained)
    inputs, n = trained.inputs.double(), len(trained.inputs)
    covering = float(inputs.norm()) * spectral_complexity(trained) * math.log(width(trained))
    return math.log(covering * math.sqrt(inverse_squared_margin(trained)) / n + math.sqrt(math.log(1 / DELTA) / n))


def log_perturbation_bound(trained: TrainedModel, main: float) -> float:
    """The first formula, from the logarithm of Πₗ ‖Wₗ‖₂² Σₗ … / γ²."""
    n, d, h = len(trained.inputs), len(trained.layers), width(trained)
    largest = float(trained.inputs.flatten(1).double().norm(dim=1).max())
    if not largest * math.log(d * h) > 0:
        raise NotApplicable(
            "the inputs are all zero, or the network is one layer of one unit: the bound has no logarithm"
        )
    factor = 2 * math.log(largest * d) + math.log(h * math.log(d * h))
    confidence = math.log(math.log(d * n / DELTA) * inverse_squared_margin(trained))
    larger, smaller = max(factor + main, confidence), min(factor + main, confidence)
    return (larger + math.log1p(math.exp(smaller - larger)) - math.log(n)) / 2


def width(trained: TrainedModel) -> int:
    """The largest number of values that a layer takes or gives, h."""
    return max(max(math.prod(layer.input_shape), math.prod(layer.output_shape)) for layer in trained.layers)

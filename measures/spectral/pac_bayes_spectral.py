"""Main term of the spectrally-normalized PAC-Bayes bound, as its logarithm.

    spectral_init_main   μ = log( (Πₗ ‖Wₗ‖₂² / γ²) · Σₗ ‖Wₗ − Wₗ⁰‖_F² / ‖Wₗ‖₂² )
    spectral_orig_main   μ = log( (Πₗ ‖Wₗ‖₂² / γ²) · Σₗ ‖Wₗ‖_F² / ‖Wₗ‖₂² )

Wₗ is the true linear operator of layer l with batch normalization folded in, Wₗ⁰ the same before training, γ the 10th
percentile of the training margins. The first takes the initialization as the mean of the prior, the second the origin.

Jiang et al. 2020 (arXiv:1912.02178), eqs. 29 and 30; the bounds are of Pitas, Davies & Vandergheynst 2017
(arXiv:1801.00171) and Neyshabur, Bhojanapalli & Srebro 2018 (arXiv:1707.09564), theorem 1.
Differs from the paper:
1. The factors that do not depend on the weights (depth, width, size of the inputs, number of examples) and the
   logarithm of the confidence are left out, as Jiang et al. do in their "main" terms.
2. The operator, where Pitas et al. bound a convolution's norms through its kernel.
3. Not applicable where γ ≤ 0, where nothing moved from the initialization, or where the layers are not a chain (skip
   connections, branches, attention): the bound is by perturbing one layer after the other.

Claims: larger gap (Jiang et al. 2020, eqs. 29 and 30).
Random labels: unknown (only the abstracts could be had).
"""

import math

from measures import NotApplicable, measure
from measures.layer_chain import check_chain
from measures.spectral.spectral_over_margin import spectral_over_margin
from measures.spectral.stable_rank import stable_rank_sum
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, eq. 29",
    invariant_to={"batch_norm_folding", "logit_shift"},
)
def spectral_init_main(trained: TrainedModel) -> float:
    check_chain(trained)
    product = spectral_over_margin(trained)
    moved = sum((layer.change_frobenius_norm / layer.operator_norm) ** 2 for layer in trained.layers)
    if not moved > 0:
        raise NotApplicable("the weights are those of the initialization: the distance 0 has no logarithm")
    return product + math.log(moved)


@measure(
    source="Jiang et al. 2020, eq. 30",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def spectral_orig_main(trained: TrainedModel) -> float:
    check_chain(trained)
    return spectral_over_margin(trained) + math.log(stable_rank_sum(trained))

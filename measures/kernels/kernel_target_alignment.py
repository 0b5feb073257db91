"""Kernel target alignment: are examples of one class what the trained network's tangent kernel holds to be alike?

    A(Θ) = ⟨HΘH, HYYᵀH⟩ / ( ‖HΘH‖_F ‖HYYᵀH‖_F )     Θ(x, x') = (1/K) Σₖ ⟨∇_θ f_k(x), ∇_θ f_k(x')⟩

    kernel_target_alignment = −A(Θ of the trained network)
    kernel_alignment_growth = −( A(Θ of the trained network) − A(Θ of the initial one) )

Y (m, K) is the one-hot coding of the labels, H = I − 11ᵀ/m centres, θ are all weights. A is 1 where Θ is a multiple of
YYᵀ. Negated: the claim is that aligned kernels generalize, and that they align faster to true labels.

Cortes, Mohri & Rostamizadeh 2012 (arXiv:1203.0550), centred alignment; Baratin et al. 2021 (arXiv:2008.00938), of the
tangent kernel over training.
Differs from the papers:
1. The examples are the first 200 of `random_order`.
2. The kernel is the mean over outputs of each one's own; how outputs are coupled is left out.

Claims: larger gap (Baratin et al. 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

from torch import Tensor

from measures import measure
from measures.kernels._spectra import centred, centred_labels
from measures.quantities.gradient_gram import final_tangent_kernel, initial_tangent_kernel
from measures.trained_model import TrainedModel


@measure(
    source="Cortes, Mohri & Rostamizadeh 2012; Baratin et al. 2021",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def kernel_target_alignment(trained: TrainedModel) -> float:
    return -alignment(final_tangent_kernel(trained), centred_labels(trained))


@measure(
    source="Baratin et al. 2021, alignment over training", cost="slow", invariant_to={"unit_permutation", "logit_shift"}
)
def kernel_alignment_growth(trained: TrainedModel) -> float:
    labels = centred_labels(trained)
    return alignment(initial_tangent_kernel(trained), labels) - alignment(final_tangent_kernel(trained), labels)


def alignment(kernel: Tensor, labels: Tensor) -> float:
    """Cosine of the centred kernel (m, m) and the Gram matrix of centred labels (m, K)."""
    kernel, target = centred(kernel), labels @ labels.T
    return float((kernel * target).sum() / kernel.norm() / target.norm())

"""Label complexity: how long is the function in the neural tangent kernel's space that takes the labels' values?

    μ = √( (2/m) Σₖ yₖᵀ (Θ + λI)⁻¹ yₖ )     Θ(x, x') = (1/K) Σₖ ⟨∇_θ f_k(x), ∇_θ f_k(x')⟩

yₖ (m,) is 1 for the examples of class k and 0 for others, K the number of classes, θ all weights, λ = 10⁻⁴ Tr Θ / m.

    ntk_label_complexity         Θ of the initial network: of the data alone, whatever training did
    ntk_label_complexity_trained Θ of the trained network

Arora et al. 2019 (arXiv:1901.08584), Theorem 5.1, whose first term the formula is.
Differs from the paper:
1. The paper has two layers of infinite width and the first one's kernel in closed form, at inputs of length 1; here Θ
   is the network's own, of all its weights, and has the scale of its initialisation and inputs.
2. The paper's labels are ±1; here each class has a column of its own.
3. The m examples are the first 200 of `random_order`. λ keeps rounding in float32 out; it is at most a 40th
   of the smallest eigenvalue in the trained networks of the digits.
4. The theorem is not about the trained kernel, which has seen the labels: that it tells of the gap is read into it.

Claims: larger gap (Arora et al. 2019, abstract; of the trained kernel it is read into it).
Random labels: separates (Arora et al. 2019, abstract, of the initial kernel).
"""

import math

from measures import NotApplicable, measure
from measures.kernels._spectra import one_hot_labels, tangent_spectrum
from measures.trained_model import TrainedModel

JITTER = 1e-4  # of the mean of the kernel's diagonal


@measure(
    source="Arora et al. 2019, Theorem 5.1, with the initial network's kernel",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def ntk_label_complexity(trained: TrainedModel) -> float:
    return _label_complexity(trained, before_training=True)


@measure(
    source="Arora et al. 2019, Theorem 5.1, with the trained network's kernel",
    cost="slow",
    invariant_to={"unit_permutation", "logit_shift"},
)
def ntk_label_complexity_trained(trained: TrainedModel) -> float:
    return _label_complexity(trained, before_training=False)


def _label_complexity(trained: TrainedModel, before_training: bool) -> float:
    kernel = tangent_spectrum(trained, before_training)
    mean = kernel.values.mean()
    if not mean > 0:
        raise NotApplicable("the tangent kernel is zero: no label is within its reach")
    energies = kernel.energies(one_hot_labels(trained))
    return math.sqrt(2 * float((energies / (kernel.values + JITTER * mean)).mean()))

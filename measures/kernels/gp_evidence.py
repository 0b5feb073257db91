"""Evidence of the labels under the infinitely wide network's prior: how few random functions have these labels?

    μ = −(1/m) log max_a Πₖ N(yₖ; 0, a (K_d + s²I))

    K₀(x, x') = ⟨x, x'⟩,     K_{l+1}(x, x') = √(K_l(x, x) K_l(x', x')) κ(cos φ_l),
    κ(cos φ) = ( sin φ + (π − φ) cos φ ) / π,     cos φ_l = K_l(x, x') / √(K_l(x, x) K_l(x', x'))

d is the number of hidden layers, one less than the network's weight layers; yₖ (m,) is 1 for the examples of class k
and 0 for others, less its mean; s² = 0.01 Tr K_d / m is the variance of the noise; a, the prior's scale, is the one
under which the labels are likeliest. In nats per example. It is of the data and the depth alone: training has no say.

Valle-Perez, Camargo & Louis 2019 (arXiv:1805.08522): the PAC-Bayes bound grows with −log of the probability of the
labels under the prior; the kernel is Cho & Saul 2009's of degree 1.
Differs from the paper:
1. Labels are taken for values seen with Gaussian noise, K columns under one kernel; the paper has two classes and
   approximates the probability of their signs.
2. The scale a is fitted in closed form, a = (1/mK) Σₖ yₖᵀ (K_d + s²I)⁻¹ yₖ; the paper takes it from the initialisation.
3. The kernel is that of fully connected networks with ReLU and no biases, of equal depth for convolutional ones, where
   the paper draws random networks.
4. The m examples are the first 200 of `random_order`; the bound itself is not formed.

Claims: larger gap (Valle-Perez, Camargo & Louis 2019, abstract).
Random labels: separates (Valle-Perez, Camargo & Louis 2019, the figure of the bound against label corruption).
"""

import math

from torch import Tensor

from measures import NotApplicable, measure
from measures.kernels._spectra import centred_labels, spectrum
from measures.quantities.gradient_gram import SAMPLE
from measures.trained_model import TrainedModel

NOISE = 0.01  # its variance, of the mean of the kernel's diagonal


@measure(
    source="Valle-Perez, Camargo & Louis 2019",
    cost="fast",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def gp_evidence(trained: TrainedModel) -> float:
    layers = trained.layers  # which say what the labels have to fit
    labels = centred_labels(trained)
    kernel = arc_cosine_kernel(trained.sample(SAMPLE)[0].flatten(1).double(), hidden_layers=len(layers) - 1)
    prior = spectrum(kernel)
    variances = prior.values.clamp_min(0) + NOISE * kernel.diagonal().mean()  # rounding may be below zero
    scale = float((prior.energies(labels) / variances).sum()) / labels.numel()
    log_determinant = float(variances.log().sum())
    return (math.log(2 * math.pi * math.e * scale) + log_determinant / len(labels)) * labels.shape[1] / 2


def arc_cosine_kernel(inputs: Tensor, hidden_layers: int) -> Tensor:
    """The kernel of an infinitely wide ReLU network without biases on inputs (m, features); it keeps their norms."""
    norms = inputs.norm(dim=1)
    if not bool((norms > 0).all()):
        raise NotApplicable("an input is all zeros: without biases its outputs are 0 whatever the weights")
    cosines = ((inputs @ inputs.T) / norms / norms[:, None]).clamp(-1, 1)
    for _ in range(hidden_layers):
        angles = cosines.arccos()
        cosines = ((angles.sin() + (math.pi - angles) * cosines) / math.pi).clamp(-1, 1)
    return cosines.fill_diagonal_(1) * norms * norms[:, None]

"""Loss sensitivity: is what the network learns spread evenly over its examples?

    μ = −Gini(ḡ)     ḡᵢ = mean over t of ‖∂ℓ(f_t(xᵢ), yᵢ)/∂x‖₁     Gini(g) = Σᵢ Σⱼ |gᵢ − gⱼ| / (2 m Σᵢ gᵢ)

f_t is the network at the snapshots and at the end of training, ℓ the cross-entropy in nats, m the number of examples;
units of the standardised inputs. −1 < μ ≤ 0. On natural data few examples matter much; the claim is a smaller Gini
coefficient when a network memorizes, so μ is its negative.

Arpit et al. 2017 (arXiv:1706.05394), "loss-sensitivity" and its Gini coefficient.
Differs from the paper:
1. The mean over training is over the snapshots (epochs 1, 2, 4 and 8, as far as training lasted longer) and the end,
   not over all steps; without snapshots the end alone.
2. m is at most 500: the first examples of `random_order`.
3. The gradient is of the example's own loss. The paper's is of the average loss after t steps, with respect to an
   example that these steps were taken on, through all of them (section 3.2).

Claims: read into it.
Random labels: unknown (figure 3 of Arpit et al. 2017 is of random inputs, which it separates).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.close_fit import fits_closely
from measures.quantities.input_gradients import SAMPLE, loss_gradients, networks_in_training
from measures.trained_model import TrainedModel


@measure(
    source="Arpit et al. 2017",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def loss_sensitivity_gini(trained: TrainedModel) -> float:
    inputs, labels = trained.sample(SAMPLE)
    sensitivity = torch.zeros(len(labels), dtype=torch.float64, device=inputs.device)
    for network in networks_in_training(trained):
        sensitivity += loss_gradients(network, inputs, labels, fits_closely(trained)).double().abs().sum(dim=1)
    return -gini(sensitivity)


def gini(values: Tensor) -> float:
    """Gini coefficient of values ≥ 0, from their order: Σᵢ (2i − m − 1) g₍ᵢ₎ / (m Σᵢ gᵢ), i from 1."""
    total, m = float(values.sum()), len(values)
    if not total > 0:
        raise NotApplicable("the loss has no gradient at any example: its Gini coefficient is undefined")
    rank = torch.arange(1 - m, m, 2, dtype=values.dtype, device=values.device)
    return float((rank * values.sort().values).sum()) / (m * total)

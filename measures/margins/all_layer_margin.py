"""Inverse all-layer margin: how little, added at every layer at once, changes a prediction?

    μ = 1/γ²     γ = 10th percentile over i of  m(xᵢ) = min (Σₗ ‖δₗ‖₂²)^½  such that  argmax f(xᵢ, δ) ≠ yᵢ

f(x, δ) is the network with δₗ ‖hₗ‖₂ added to what weight layer l returns, where hₗ is what the layer receives, the
perturbations before it included; batch normalization is folded in. m is 0 for a misclassified example. The minimum
is the smallest found by _nearest_flip.py: five projections on the linearised boundary, then the first flip
in that direction.

Wei & Ma 2020 (arXiv:1910.04284), the all-layer margin; the bound there grows with the mean of 1/m².
Differs from the paper:
1. The 10th percentile of m for the mean of 1/m², which a single misclassified example makes infinite.
2. Perturbed are the weight layers; nonlinearity and pooling after them are not perturbed.
3. An upper bound of the minimum, for 200 examples, the first of `random_order`.
4. Not applicable where γ is 0, where a tenth of the examples has no flip within reach, or where a layer receives rows
   that are not examples.

Claims: larger gap (Wei & Ma 2020, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.margins._nearest_flip import smallest_flip
from measures.networks.layer_hooks import after_layers, linear_and_convolutional, recorded_run, require_rows
from measures.trained_model import FEW, TrainedModel, margins_of

EXAMPLES = 200


@measure(
    source="Wei & Ma 2020",
    cost="slow",
    invariant_to={"unit_permutation", "batch_norm_folding", "logit_shift"},
)
def all_layer_margin(trained: TrainedModel) -> float:
    network = folded(trained.model, trained.inputs[:FEW])
    gamma = float(all_layer_margins(network, *trained.sample(EXAMPLES)).double().quantile(0.1))
    if not 0 < gamma < math.inf:
        raise NotApplicable(f"γ = {gamma:.3g}, not between 0 and ∞: a tenth is misclassified, or is never flipped")
    return 1 / gamma**2


def all_layer_margins(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """m of each example, (m,), of a network without batch normalization."""
    layers = linear_and_convolutional(network)
    require_rows(network, layers, inputs)
    with torch.no_grad():
        sizes = [application.returned[0].numel() for application in recorded_run(network, layers, inputs[:1])[1]]
    pieces: list[Tensor] = []

    def add(layer: nn.Module, received: Tensor, returned: Tensor) -> Tensor:
        size = received.flatten(1).norm(dim=1)
        return returned + pieces.pop(0).view_as(returned) * size.view(-1, *[1] * (returned.ndim - 1))

    def margins(delta: Tensor) -> Tensor:
        pieces[:] = delta.split(sizes, dim=1)
        return margins_of(network(inputs), labels)

    with after_layers(layers, add):
        return smallest_flip(margins, inputs.new_zeros(len(inputs), sum(sizes)))

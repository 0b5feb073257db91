"""Inverse all-layer margin: how little, added at every layer at once, changes a prediction?

    μ = 1/γ²     γ = 10th percentile over i of  m(xᵢ) = min (Σₗ ‖δₗ‖₂²)^½  such that  argmax f(xᵢ, δ) ≠ yᵢ

f(x, δ) is the network with δₗ ‖hₗ‖₂ added to what weight layer l returns, where hₗ is what the layer receives, the
perturbations before it included; batch normalization is folded in. m is 0 for a misclassified example. The minimum
is the smallest found by harness/nearest_flip.py: five projections on the linearised boundary, then the first flip
in that direction.

Wei & Ma 2020 (arXiv:1910.04284), the all-layer margin; the bound there grows with the mean of 1/m².
Differs from the paper:
1. The 10th percentile of m for the mean of 1/m², which a single misclassified example makes infinite.
2. Perturbed are the weight layers; nonlinearity and pooling after them are no layers of their own.
3. An upper bound of the minimum, for 200 examples, the first of `random_order`.
4. Not applicable where γ is 0, or where a tenth of the examples has no flip within reach.
"""

import math

import torch
from torch import Tensor, nn

from harness.folding import folded
from harness.input_gradients import margins_of, sample
from harness.nearest_flip import smallest_flip
from harness.trained_model import FEW, TrainedModel
from measures import NotApplicable, measure

EXAMPLES = 200


@measure(
    source="Wei & Ma 2020",
    cost="slow",
    invariant_to={"unit_permutation", "batch_norm_folding", "logit_shift"},
)
def all_layer_margin(trained: TrainedModel) -> float:
    network = folded(trained.model, trained.inputs[:FEW])
    gamma = float(all_layer_margins(network, *sample(trained, EXAMPLES)).double().quantile(0.1))
    if not 0 < gamma < math.inf:
        raise NotApplicable(f"γ = {gamma:.3g}, not between 0 and ∞: a tenth is misclassified, or is never flipped")
    return 1 / gamma**2


def all_layer_margins(network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
    """m of each example, (m,). The network, without batch normalization, is a copy: hooks are put on it."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    sizes: list[int] = []
    pieces: list[Tensor] = []

    def measure_size(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
        sizes.append(output[0].numel())

    def add(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        size = arguments[0].flatten(1).norm(dim=1)
        return output + pieces.pop(0).view_as(output) * size.view(-1, *[1] * (output.ndim - 1))

    measuring = [layer.register_forward_hook(measure_size) for layer in layers]
    with torch.no_grad():
        network(inputs[:1])
    for hook in measuring:
        hook.remove()
    for layer in layers:
        layer.register_forward_hook(add)

    def margins(delta: Tensor) -> Tensor:
        pieces[:] = delta.split(sizes, dim=1)
        return margins_of(network(inputs), labels)

    return smallest_flip(margins, inputs.new_zeros(len(inputs), sum(sizes)))

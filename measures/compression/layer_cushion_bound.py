"""Noise stability: how little a network's layers pass on of noise, as the main term of a bound by compression.

    μ = d² c² max_x ‖f(x)‖² / (γ² n) · Σₗ 1 / (μₗ² μₗ→²)

    layer cushion           μₗ = min_x ‖Wₗ aₗ₋₁‖ / (‖Wₗ‖_F ‖aₗ₋₁‖)
    interlayer cushion      μₗⱼ = min_x ‖Jₗⱼ zₗ‖ / (‖Jₗⱼ‖_F ‖zₗ‖),  Jₗⱼ = ∂zⱼ/∂zₗ;  μₗ→ = min(1/√hₗ, min_{j>l} μₗⱼ)
    activation contraction  c = max_{x, l<d} ‖zₗ‖ / ‖aₗ‖

zₗ (hₗ numbers) is what layer l returns before its nonlinearity for input x, aₗ what layer l + 1 receives, Wₗ the true
linear operator of layer l with batch normalization folded in, d the number of layers, γ the 10th percentile of the
training margins, n the number of training examples. A random matrix has cushions near 1/√h; a layer that carries its
inputs along its large singular directions has cushions far above, and can be compressed.

Arora, Ge, Neyshabur & Zhang 2018 (arXiv:1802.05296), the bound for fully connected networks; the square of its
second term without logarithms.
Differs from the paper:
1. A convolution is the linear operator that it is; the paper has another bound for those, which counts a kernel's
   weights once.
2. The minima and c are over 32 training examples, max ‖f(x)‖ over all. Where a denominator is 0 the example sets no
   limit.
3. Biases, which the paper does not have, are part of zₗ, and left out of Wₗ aₗ₋₁.
4. Pooling after a layer belongs to its nonlinearity: aₗ is smaller than zₗ there.
5. The condition on the interlayer smoothness, which is not part of the term, is not checked.
6. Not applicable where the layers are not a chain (skip connections, branches, attention), where γ ≤ 0, and where the
   Jacobians have more than 134 million entries.

Claims: larger gap (Arora, Ge, Neyshabur & Zhang 2018, abstract).
Random labels: unknown (only the abstract could be had).
"""

import itertools
import math
from collections.abc import Iterator

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.folding import folded
from measures.layer_chain import check_chain
from measures.layers import Layer
from measures.networks.layer_hooks import recorded_run, require_rows
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import FEW, TrainedModel

EXAMPLES = 32
ROWS = 64  # of a Jacobian, at a time
LARGEST = 2**27  # entries of the Jacobians of one example


@measure(
    source="Arora, Ge, Neyshabur & Zhang 2018, the bound for fully connected networks",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def layer_cushion_bound(trained: TrainedModel) -> float:
    check_chain(trained)
    relative_to = inverse_squared_margin(trained)
    received, returned = applications(trained, trained.sample(EXAMPLES)[0])
    cushions, onward = layer_cushions(trained, received), interlayer_cushions(trained, received, returned)
    c = activation_contraction(received, returned)
    if not (all(cushions) and all(onward) and math.isfinite(c)):
        raise NotApplicable("a layer maps an example to zero: its cushion is 0, or the contraction after it infinite")
    largest = float(trained.logits.norm(dim=1).max())
    total = math.fsum(1 / (cushions[i] * onward[i]) ** 2 for i in range(len(cushions)))
    return (len(cushions) * c * largest) ** 2 * relative_to / len(trained.labels) * total


def applications(trained: TrainedModel, inputs: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """What each layer receives and what it returns, in the order of application, (m, ...) each, with its gradient."""
    network = folded(trained.model, trained.inputs[:FEW])
    layers = [network.get_submodule(layer.name) for layer in trained.layers]
    require_rows(network, layers, inputs)
    with torch.enable_grad():
        _, found = recorded_run(network, layers, inputs.detach().clone().requires_grad_())
    return [application.received for application in found], [application.returned for application in found]


def layer_cushions(trained: TrainedModel, received: list[Tensor]) -> list[float]:
    """μₗ of every layer."""
    images = [layer.linear_map(a.detach(), layer.weight) for layer, a in zip(trained.layers, received, strict=True)]
    norms = [layer.frobenius_norm for layer in trained.layers]
    return [_smallest(_norms(images[i]), norms[i] * _norms(received[i])) for i in range(len(images))]


def interlayer_cushions(trained: TrainedModel, received: list[Tensor], returned: list[Tensor]) -> list[float]:
    """μₗ→ of every layer, from the Jacobians between all pairs."""
    sizes = [z[0].numel() for z in returned]
    if (entries := sum(a * b for a, b in itertools.combinations(sizes, 2))) > LARGEST:
        raise NotApplicable(f"the Jacobians between layers have {entries:,} entries; they are formed up to {LARGEST:,}")
    cushions = [size**-0.5 for size in sizes]
    for later in range(1, len(returned)):
        images, norms = _jacobian_squares(trained.layers[later], received[later], returned[:later])
        for i, (image, norm) in enumerate(zip(images, norms, strict=True)):
            cushions[i] = min(cushions[i], _smallest(image.sqrt(), norm.sqrt() * _norms(returned[i])))
    return cushions


def activation_contraction(received: list[Tensor], returned: list[Tensor]) -> float:
    """c; 1 for a network of one layer."""
    pairs = [(_norms(z), _norms(a)) for z, a in zip(returned[:-1], received[1:], strict=True)]
    return max((float(torch.where(z > 0, z / a, 0).max()) for z, a in pairs), default=1.0)


def _jacobian_squares(layer: Layer, received: Tensor, sources: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """‖J z‖² and ‖J‖_F² of what the layer returns by each source z, for every example, (m,) each.

    ROWS rows at a time. What comes back through the layer itself is a row of its operator, for all examples the same.
    """
    images = [torch.zeros(len(z), dtype=torch.float64, device=z.device) for z in sources]
    sizes = [torch.zeros_like(image) for image in images]
    for rows in _operator_rows(layer, received):
        arriving = rows[:, None].expand(-1, *received.shape)
        gradients = torch.autograd.grad(
            received, sources, arriving, retain_graph=True, allow_unused=True, is_grads_batched=True
        )
        for i, gradient in enumerate(gradients):
            if gradient is None:
                raise NotApplicable("a layer does not depend on one applied before it: the layers are not a chain")
            by_row = gradient.flatten(2)  # (rows, m, h)
            images[i] += torch.einsum("rmh,mh->rm", by_row, sources[i].detach().flatten(1)).double().square().sum(dim=0)
            sizes[i] += torch.linalg.vector_norm(by_row, dim=(0, 2), dtype=torch.float64).square()
    return images, sizes


def _operator_rows(layer: Layer, received: Tensor) -> Iterator[Tensor]:
    """The rows of the layer's operator, each in the shape of its input, ROWS of them at a time."""
    with torch.enable_grad():
        x = received.new_zeros(1, *layer.input_shape).requires_grad_()
        image = layer.linear_map(x, layer.weight)
    for rows in torch.arange(image.numel(), device=image.device).split(ROWS):
        cotangents = image.new_zeros(len(rows), image.numel()).scatter_(1, rows[:, None], 1).view(-1, *image.shape)
        yield torch.autograd.grad(image, x, cotangents, retain_graph=True, is_grads_batched=True)[0][:, 0]


def _norms(batch: Tensor) -> Tensor:
    return batch.detach().double().flatten(1).norm(dim=1)


def _smallest(numerators: Tensor, denominators: Tensor) -> float:
    """The smallest ratio; where the denominator is 0 there is no limit, and where all are the layer has none."""
    ratios = torch.where(denominators > 0, numerators / denominators, torch.inf)
    smallest = float(ratios.min())
    if not math.isfinite(smallest):
        raise NotApplicable(f"a layer receives nothing but zeros from all of {len(ratios)} examples")
    return smallest

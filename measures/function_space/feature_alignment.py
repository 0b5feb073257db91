"""Neural feature alignment: do the hidden layers weight their inputs as the outputs depend on them? Negated.

    μ = −(1/(d − 1)) Σ_{l<d} cos(WₗᵀWₗ, Gₗ)     Gₗ = (1/n) Σᵢ Σₖ Jₗᵢₖᵀ Jₗᵢₖ     cos(A, B) = ⟨A, B⟩_F / (‖A‖_F ‖B‖_F)

Wₗ is the weight of layer l of d, batch normalization folded in, and Jₗᵢₖ the gradient of logit k of training example i
with respect to what layer l receives, by way of that layer. So Jₗᵢₖ = Wₗᵀ bₗᵢₖ with bₗᵢₖ what comes back to the
layer's output, and with Sₗ the mean over i of Σₖ bbᵀ and Kₗ = WₗWₗᵀ the cosine is tr(KSK) / (‖K‖_F tr(SKSK)^½). Of the
last layer it is 1 always, and left out. Of a convolution, Wₗ is the reshaped kernel, and the sum over k is one over
patches too. Between −1 and 0.

Radhakrishnan, Beaglehole, Pandit & Belkin 2024 (Science 383; arXiv:2212.13881), the neural feature ansatz: training
makes the two proportional. Formula and cosine as in the authors' code; patches as in Beaglehole, Radhakrishnan, Pandit
& Belkin 2023 (arXiv:2309.00570).
Differs from the papers:
1. The code also takes the move W − W⁰ in place of W, and centres the gradients.
2. It is a mean over the hidden layers, where they show each.
3. Not applicable to convolutions with groups, and to networks of one layer.

Claims: read into it.
Random labels: unknown (the papers' full text could not be had).
"""

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.networks.layer_hooks import recorded_run
from measures.trained_model import CHUNK, FEW, TrainedModel


@measure(
    source="Radhakrishnan, Beaglehole, Pandit & Belkin 2024",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def feature_alignment(trained: TrainedModel) -> float:
    network = folded(trained.model, trained.inputs[:FEW])
    layers = [network.get_submodule(layer.name) for layer in trained.layers[:-1]]
    if not layers:
        raise NotApplicable("the network has one layer, whose outputs are the logits: its alignment is 1 always")
    if any(isinstance(layer, nn.Conv2d) and layer.groups > 1 for layer in layers):
        raise NotApplicable("a convolution has groups: what its patches are weighted by is not one matrix")
    cosines = []
    for layer, arrived in zip(layers, arriving_products(network, layers, trained.inputs), strict=True):
        weight = layer.get_parameter("weight").detach().double().flatten(1)
        gram = weight @ weight.T
        agop = arrived @ gram  # its square has the trace of the outer products' square
        size = float(gram.norm() * (agop * agop.T).sum().clamp_min(0).sqrt())
        if not size > 0:
            raise NotApplicable(
                "a layer's weights, or the logits' gradients there, are all zero: they have no direction"
            )
        cosines.append(float((gram * agop.T).sum()) / size)
    return -sum(cosines) / len(cosines)


@torch.enable_grad()
def arriving_products(network: nn.Module, layers: list[nn.Module], inputs: Tensor) -> list[Tensor]:
    """Σ over logits and positions, and mean over examples, of bbᵀ at each layer's output, (out, out) float64."""
    totals: list[Tensor | float] = [0.0] * len(layers)
    for x in inputs.split(CHUNK):
        logits, applications = recorded_run(network, layers, x.detach().requires_grad_())
        if [application.layer for application in applications] != layers:
            raise NotApplicable("the network applies other layers to some examples: what arrives there is not known")
        returned = [application.returned for application in applications]
        for k in range(logits.shape[1]):
            back = torch.autograd.grad(logits[:, k].sum(), returned, retain_graph=True, materialize_grads=True)
            for i, (layer, b) in enumerate(zip(layers, back, strict=True)):
                channels = 1 if isinstance(layer, nn.Conv2d) else b.ndim - 1
                rows = b.movedim(channels, -1).flatten(0, -2).double()
                totals[i] = totals[i] + rows.T @ rows
    return [torch.as_tensor(total) / len(inputs) for total in totals]

"""Unit capacity: how far did the weights into each hidden unit move, weighed by the weights out of it?

    μ = (1/γ) · Σⱼ αⱼ (βⱼ · (1/n Σᵢ ‖hᵢ‖²)^½ + (1/n Σᵢ ⟨uⱼ⁰, hᵢ⟩²)^½)

The sum runs over the units j of the last hidden layer. uⱼ holds the weights into unit j, βⱼ = ‖uⱼ − uⱼ⁰‖₂ is its
capacity (uⱼ⁰ before training) and αⱼ, the norm of the weights from it to the logits, its impact; hᵢ is what the layer
receives for example i, the input itself in most networks with one hidden layer. γ is the margin of measures/margins/
inverse_margin.py. Batch normalization is folded in.

Neyshabur, Li, Bhojanapalli, LeCun & Srebro 2019 (arXiv:1805.12076), theorem 1, which bounds the Rademacher complexity
of the networks with these αⱼ and βⱼ.
Differs from the paper:
1. Left out is the theorem's factor, a constant among networks with as many classes and examples.
2. The paper has one hidden layer. In a deeper network the layers below the last hidden one count as fixed features,
   to which theorem 1 applies: how far they moved themselves is not counted.
3. Biases are left out; the paper's networks have none.
4. Not applicable where the last two weight layers are not linear ones, each on one vector, one directly after the other
   and before the logits, with no connection around them.

Claims: larger gap (Neyshabur, Li, Bhojanapalli, LeCun & Srebro 2019, abstract).
Random labels: unknown (only the abstract could be had).
"""

import math

import torch
from torch import Tensor, nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.layer_chain import check_chain
from measures.layer_inputs import received_by_layers
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import FEW, TrainedModel


@measure(source="Neyshabur et al. 2019, theorem 1", invariant_to={"batch_norm_folding", "logit_shift"})
def unit_capacity(trained: TrainedModel) -> float:
    if len(trained.layers) < 2:
        raise NotApplicable("there is 1 weight layer, so no hidden unit")
    hidden, last = trained.layers[-2:]
    if len(hidden.input_shape) != 1 or hidden.output_shape != last.input_shape:
        raise NotApplicable(
            f"layer {hidden.name!r} with output {hidden.output_shape} is not a linear one right before {last.name!r}"
        )
    check_chain(trained, last=2)
    margin = math.sqrt(inverse_squared_margin(trained))
    # What the layer before the last receives: of the first layer the inputs, after pooling and scaling if there is any.
    network = folded(trained.model, trained.inputs[:FEW])
    features = received_by_layers(network, trained.inputs[:FEW], (nn.Linear,))[-1]
    returned = nn.functional.linear(features, last.weight, last.bias)
    logits = trained.logits[:FEW]
    if returned.shape != logits.shape or not (returned - logits).norm() <= 1e-4 * logits.norm():
        raise NotApplicable("the logits are not what the last linear layer returns")
    h = _received(trained.model, trained.inputs)
    if not torch.allclose(_received(network, trained.inputs[:FEW]), h[:FEW], rtol=1e-3, atol=1e-5):
        h = _received(network, trained.inputs)  # the layer's weights have the scale of a normalization before it
    alpha, beta = last.weight.double().norm(dim=0), hidden.change.double().norm(dim=1)
    size = h.square().sum(dim=1).mean(dtype=torch.float64).sqrt()
    at_start = (h @ hidden.init_weight.T).square().mean(dim=0, dtype=torch.float64).sqrt()
    return float(alpha @ (beta * size + at_start)) * margin


def _received(network: nn.Module, inputs: Tensor) -> Tensor:
    """What the last but one linear layer receives, (m, width)."""
    return received_by_layers(network, inputs, (nn.Linear,))[-2]

"""Error after one layer is set back to where it started: how much of the function needs every layer's training?

    μ = (1/d) Σₗ ê(θ with layer l as before training)     ê = fraction of the training set misclassified, d layers

In [0, 1]. A layer that can be set back without harm is ambient, one that cannot is critical; the paper's networks have
more critical layers on noise. The larger μ, the less robust.

Zhang, Bengio & Singer 2019 (arXiv:1902.01996), section 3 (re-initialization robustness).
Differs from the paper:
1. The mean over the layers; the paper looks at each.
2. The error on the training set, of its first 250 examples in a random order; no test data may be seen.
3. A layer is its weight and bias with batch normalization folded in, so that the normalization after it is set back as
   well, running statistics included.

Claims: read into it.
Random labels: unknown (only the abstract could be had).
"""

import torch
from torch import nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.networks.layer_hooks import linear_and_convolutional, recorded_run
from measures.trained_model import CHUNK, FEW, TrainedModel
from measures.weight_layers import check_layers_are_seen

EXAMPLES = 250


@measure(source="Zhang, Bengio & Singer 2019, section 3", invariant_to={"batch_norm_folding", "logit_shift"})
def layer_reinit_robustness(trained: TrainedModel) -> float:
    network, start = (folded(state, trained.inputs[:FEW]) for state in (trained.model, trained.init))
    check_layers_are_seen(network, trained.inputs[:1])
    with torch.no_grad():
        _, applications = recorded_run(network, linear_and_convolutional(network), trained.inputs[:1])
    applied = {id(application.layer) for application in applications}
    layers = [(name, layer) for name, layer in network.named_modules() if id(layer) in applied]
    names = list({id(layer.weight): name for name, layer in reversed(layers)}.values())[::-1]  # of shared weights once
    if not names:
        raise NotApplicable("the network has no linear or convolutional layer to set back")
    return sum(error_with_layer_of(start, name, network, trained) for name in names) / len(names)


@torch.no_grad()
def error_with_layer_of(start: nn.Module, name: str, network: nn.Module, trained: TrainedModel) -> float:
    """The sampled training error of `network` with the layer `name` of `start`; the network is left as it was."""
    (inputs, labels), layer = trained.sample(EXAMPLES), network.get_submodule(name)
    trained_state = {key: value.clone() for key, value in layer.state_dict().items()}
    layer.load_state_dict(start.get_submodule(name).state_dict())
    predicted = torch.cat([network(x).argmax(dim=1) for x in inputs.split(CHUNK)])
    layer.load_state_dict(trained_state)
    return float((predicted != labels).double().mean())

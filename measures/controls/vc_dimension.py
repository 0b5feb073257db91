"""A control: the order of the network's VC dimension. Twins share their architecture, so it ties and must lose.

    μ = d · p · log p     d weight layers, p weights and biases in them (natural logarithm)

The VC dimension of networks with a piecewise linear activation is O(d p log p). It bounds the gap whatever the labels.

Bartlett, Harvey, Liaw & Mehrabian 2019 (arXiv:1703.02930), abstract.
Differs from the paper:
1. The order only: constants are left out.
2. Batch normalization is folded into the layer before it first, since it adds nothing that the layers cannot express.
3. The bound is for one output that is thresholded; here for networks with any number of logits.

Claims: nothing, it is a control.
Random labels: does not separate (Zhang et al. 2017, section 2.2).
"""

import math

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="Bartlett, Harvey, Liaw & Mehrabian 2019, abstract", invariant_to=INVARIANCES)
def vc_dimension(trained: TrainedModel) -> float:
    d = len(trained.layers)
    p = sum(layer.weight.numel() + (0 if layer.bias is None else layer.bias.numel()) for layer in trained.layers)
    return d * p * math.log(p)

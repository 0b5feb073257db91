"""A control: the number of weight layers. Twins share their architecture, so it ties on every pair and must lose.

μ = d     linear and convolutional layers that the network applies; batch normalization is part of one

Claims: nothing, it is a control.
Random labels: nothing.
"""

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="a control", invariant_to=INVARIANCES)
def layer_count(trained: TrainedModel) -> float:
    return float(len(trained.layers))

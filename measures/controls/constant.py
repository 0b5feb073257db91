"""A control: the same number for every network. It ties on every pair of twins and must lose: μ = 0.

Claims: nothing, it is a control.
Random labels: nothing.
"""

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="a control", invariant_to=INVARIANCES)
def constant(trained: TrainedModel) -> float:
    return 0.0

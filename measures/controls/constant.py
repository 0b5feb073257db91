"""A control: the same number for every network. It ties on every pair of twins and must lose: μ = 0."""

from harness.trained_model import TrainedModel
from measures import INVARIANCES, measure


@measure(source="a control", invariant_to=INVARIANCES)
def constant(trained: TrainedModel) -> float:
    return 0.0

"""A measure without malice, beside whose values the attacks are run."""

from measures import measure
from measures.trained_model import TrainedModel


@measure(source="nobody")
def honest(trained: TrainedModel) -> float:
    """Mean margin, with the sum of the weights."""
    return float(trained.margins.mean()) + float(sum(part.detach().sum() for part in trained.model.parameters()))

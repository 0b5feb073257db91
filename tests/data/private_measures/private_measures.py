"""The largest weight: a measure that shatterproof finds by its entry point.

μ = max |θᵢ|     over all trained parameters
"""

from harness.trained_model import TrainedModel
from measures import measure


@measure(source="a worked example", invariant_to={"unit_permutation"})
def largest_weight(trained: TrainedModel) -> float:
    return max(float(each.detach().abs().max()) for each in trained.model.parameters())

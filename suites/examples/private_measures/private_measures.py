"""The largest weight: a measure that shatterproof finds by its entry point.

μ = max |θᵢ|     over all trained parameters
"""

from measures import TrainedModel, measure


@measure(source="a worked example", invariant_to={"unit_permutation"})
def largest_weight(trained: TrainedModel) -> float:
    return max(float(weight.detach().abs().max()) for weight in trained.model.parameters())

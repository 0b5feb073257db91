"""Path norms: the weights met on a path from an input to an output multiplied, over all paths.

    μ = (Σ over paths  Π w²)^½ = (Σₖ f_{θ²}(1)[k])^½            path_norm
    μ = (Σ over paths  Π w²)^½ / γ                              path_norm_over_margin
    μ =  Σ over paths  Π |w|   =  Σₖ f_{|θ|}(1)[k]              path_norm_l1

f_{θ²} is the network with every weight and bias squared, f_{|θ|} with their absolute values, applied to an input of
ones. A path starts at an input or at a bias (a unit that is constantly 1) and ends at a logit; γ is the margin of
measures/margins/inverse_margin.py. The values are no logarithms: their unit is weights to the power of the depth, in
float64, which holds norms up to 10¹⁵⁴.

Neyshabur, Tomioka & Srebro 2015 (arXiv:1503.00036); Jiang et al. 2020 (arXiv:1912.02178), eqs. 44 and 43 (the squares
of the first two); pooling and skip connections as in Gonon et al. 2024 (arXiv:2310.01225).
Differs from the paper:
1. Biases count as paths; the first paper has no biases.
2. Batch normalization is folded into the layer before it.
3. A max pooling unit is replaced by the sum of its inputs, since a path runs through each of them; an average, of a
   pooling or over positions, is a layer whose weights are one over the number that it averages, to be squared like any
   others. Multiplying by a fixed number is a weight as well.
4. Whatever else is neither linear nor ReLU is refused: attention, normalizations of single examples, GELU.

Claims: larger gap (Jiang et al. 2020, eqs. 44 and 43).
Random labels: unknown (only the abstracts could be had).
"""

import math

import torch
from torch import nn

from measures import NotApplicable, measure
from measures.folding import folded
from measures.norms._powers_of_weights import PowersOfWeights, TracerOfEffects
from measures.once_per_model import once_per_model
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import FEW, TrainedModel

POWERS = (1, 1.5, 2)


@measure(
    source="Neyshabur, Tomioka & Srebro 2015; Jiang et al. 2020, eq. 44",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def path_norm(trained: TrainedModel) -> float:
    return math.sqrt(sums_over_paths(trained)[2])


@measure(source="Jiang et al. 2020, eq. 43", invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"})
def path_norm_over_margin(trained: TrainedModel) -> float:
    return path_norm(trained) * math.sqrt(inverse_squared_margin(trained))


@measure(
    source="Neyshabur, Tomioka & Srebro 2015; Gonon et al. 2024",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding"},
)
def path_norm_l1(trained: TrainedModel) -> float:
    return sums_over_paths(trained)[1]


@once_per_model
def sums_over_paths(trained: TrainedModel) -> dict[float, float]:
    """The products of |w|^power along each path, summed over all of them, by power."""
    network = nn.Sequential(folded(trained.model, trained.inputs[:FEW]))  # a lone layer is one to be met as well
    try:
        graph = TracerOfEffects().trace(network)
    except Exception as cause:
        raise NotApplicable(f"paths cannot be followed: torch.fx cannot trace the model ({cause})") from cause
    ones = torch.ones_like(trained.inputs[:1], dtype=torch.float64)
    with torch.no_grad():
        return {power: float(PowersOfWeights(network, graph, power).run(ones).sum()) for power in POWERS}

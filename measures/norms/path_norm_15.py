"""Path norm between the other two: the weights on each path multiplied, to the power of 1.5, over all paths.

    μ = (Σ over paths  Π |w|^1.5)^⅔             path_norm_15
    μ = (Σ over paths  Π |w|^1.5)^⅔ / γ         path_norm_15_over_margin

Paths, biases among them, are those of measures/norms/path_norm.py, γ is the margin of measures/margins/
inverse_margin.py. The unit is weights to the power of the depth.

Neyshabur et al. 2017 (arXiv:1706.08947): not in the paper, but among the norms that its authors' code compares, over
the margin; Neyshabur, Tomioka & Srebro 2015 (arXiv:1503.00036) define the path norm for every power p.
Differs from the code:
1. γ is the 10th percentile of the margins, the code's is the 5th.
2. A max pooling unit is the sum of its inputs, an average a layer of weights; the code runs the network's own pooling.
3. Batch normalization is folded in as it is; what is neither linear nor ReLU is refused.

Claims: larger gap (the code's list of norms that bound the gap; the bounds in it are of other norms).
Random labels: unknown (the code compares networks on true and random labels, but has no numbers).
"""

import math

from measures import measure
from measures.norms.path_norm import sums_over_paths
from measures.quantities.margin_percentile import inverse_squared_margin
from measures.trained_model import TrainedModel

UNMOVED = ("layer_rescaling", "unit_permutation", "batch_norm_folding")


@measure(source="code of Neyshabur et al. 2017", invariant_to=UNMOVED)
def path_norm_15(trained: TrainedModel) -> float:
    return sums_over_paths(trained)[1.5] ** (1 / 1.5)


@measure(source="code of Neyshabur et al. 2017", invariant_to=UNMOVED)
def path_norm_15_over_margin(trained: TrainedModel) -> float:
    return path_norm_15(trained) * math.sqrt(inverse_squared_margin(trained))

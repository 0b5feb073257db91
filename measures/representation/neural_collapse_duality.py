"""How far the last layer's weights are from the classes' means, both scaled to length one (NC3).

    μ = ‖ W / ‖W‖_F − M / ‖M‖_F ‖²_F     M = (μ_c − μ_G)_c,  W the last layer's weights, a row for each class

μ_c is the mean over class c of the features of the last hidden layer, μ_G the mean of these means. No unit, between 0
and 4; 0 where weights and means point the same way with the same proportions.

Papyan, Han & Donoho 2020 (arXiv:2008.08186), property NC3 (self-duality); the authors' code (W_M_dist).
Differs from the paper: of classes that do not occur in the training set, the rows of W are left out. Not applicable
where the last layer does not multiply each class's weights by the features.

Claims: larger gap (abstract: the geometry brings better generalization).
Random labels: unknown (the paper's full text could not be had).
"""

from measures import NotApplicable, measure
from measures.representation._last_layer import class_means, last_weight
from measures.trained_model import TrainedModel


@measure(
    source="Papyan, Han & Donoho 2020, NC3",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def neural_collapse_duality(trained: TrainedModel) -> float:
    means = class_means(trained)
    weight = last_weight(trained)[means.present]
    if not weight.any():
        raise NotApplicable("the last layer's weights are all zero: they have no direction")
    return float((weight / weight.norm() - means.centred / means.centred.norm()).square().sum())

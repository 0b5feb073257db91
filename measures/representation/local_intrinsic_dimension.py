"""Local intrinsic dimension of the last hidden layer: how fast the number of neighbours grows with the distance.

    μ = mean over i of LIDᵢ     LIDᵢ = −( (1/k) Σ_{j≤k} log(rᵢⱼ / rᵢₖ) )⁻¹     k = 20

rᵢⱼ is the distance of example i from its j-th nearest neighbour among at most 500 examples, or all where there are
fewer than k others. A number of dimensions. Published finding: it rises when a network starts to fit wrong labels.

Ma et al. 2018 (arXiv:1806.02612), maximum likelihood estimate of LID by Amsaleg et al. 2015.
Differs from the paper and from other code:
1. One sample of 500 after training instead of minibatches of 128 in its course.
2. Examples that equal another, to the precision of float32, or have all k neighbours at one distance, have no estimate
   and are left out.
3. The factor is 1/k as in the paper; scikit-dimension's is 1/(k − 1), the last logarithm being 0, and its mean is 19/20
   of this one.

Claims: larger gap (Ma et al. 2018, abstract).
Random labels: separates (Ma et al. 2018, abstract, where a part of the labels is wrong).
"""

from measures import NotApplicable, measure
from measures.representation._layer_features import hidden_layers
from measures.representation._neighbours import neighbours
from measures.trained_model import TrainedModel


@measure(
    source="Ma et al. 2018, maximum likelihood LID",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def local_intrinsic_dimension(trained: TrainedModel) -> float:
    distances = neighbours(trained, hidden_layers(trained)[-1]).distances
    usable = distances[(distances[:, 0] > 0) & (distances[:, 0] < distances[:, -1])]
    if not len(usable):
        raise NotApplicable(f"none of {len(distances)} examples has neighbours at different distances above 0")
    growth = -(usable / usable[:, -1:]).log().mean(dim=1)
    return float((1 / growth).mean())

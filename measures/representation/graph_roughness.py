"""Label variation on the graph of nearest neighbours in the last hidden layer: how much similarity crosses classes?

    μ = Tr(Yᵀ L Y) / Σᵢ Dᵢᵢ = Σ_{i,j: yᵢ≠yⱼ} Wᵢⱼ / Σ_{i,j} Wᵢⱼ     L = D − W,  Dᵢᵢ = Σⱼ Wᵢⱼ
    Wᵢⱼ = ⟨hᵢ, hⱼ⟩ / (‖hᵢ‖ ‖hⱼ‖)   where i is among the 20 most similar to j or j among those of i, else 0

h are the features (≥ 0 after a ReLU) of at most 500 examples, Y the (m, classes) matrix of labels as ones and zeros.
A fraction: 0 where every neighbourhood has one label.

Lassance, Béthune, Bontonou, Hamidouche & Gripon 2020 (arXiv:2011.11737), label variation in latent geometry graphs.
Differs from the paper: divided by the sum of all weights; one graph of 500 examples; negative similarities
(features of no ReLU) and those of features that are zero count as no edge.

Claims: larger gap (Lassance et al. 2020).
Random labels: unknown (the source could not be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.representation._layer_features import hidden_layers, sampled_labels
from measures.representation._neighbours import feature_products
from measures.trained_model import TrainedModel

SIMILAR = 20


@measure(
    source="Lassance et al. 2020, label variation in latent geometry graphs",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def graph_roughness(trained: TrainedModel) -> float:
    weights = similarity_graph(feature_products(trained, hidden_layers(trained)[-1]))
    labels = sampled_labels(trained)[: len(weights)]
    total = float(weights.sum())
    if total == 0:
        raise NotApplicable(f"no two of {len(labels)} examples have similar features: the graph has no edge")
    return float(weights[labels[:, None] != labels[None]].sum()) / total


def similarity_graph(products: Tensor) -> Tensor:
    """W, (m, m), symmetric, with a diagonal of zeros, from the inner products of the features."""
    lengths = products.diagonal().sqrt()
    cosines = torch.where(products > 0, products / (lengths[:, None] * lengths[None]), 0).fill_diagonal_(0)
    most_similar = cosines.topk(min(SIMILAR, len(cosines) - 1), dim=1).indices
    chosen = torch.zeros_like(cosines, dtype=torch.bool).scatter_(1, most_similar, True)
    return cosines * (chosen | chosen.T)

"""Inverse margin, normalised by how much the features of a class vary from one half of it to the other.

    μ = Σ_c (n_c/n) Lip_c Var_c / γ̃     Var_c = E[ W₁(half of class c's features, another half) ]
    Lip_c = max over the examples of class c of ‖∇_φ γᵢ‖₂     γ̃ = median of  γᵢ = f(xᵢ)[yᵢ] − max_{j≠yᵢ} f(xᵢ)[j]

φ are the features: what the last weight layer receives; W₁ is the 1-Wasserstein distance of two sets of k = ⌊n_c/2⌋
features each, in Euclidean distance; the expectation is over splits of the class. Chuang et al.'s measure is the
median of γᵢ / Σ_c (n_c/n) Lip_c Var_c, of which this is the inverse.

Chuang, Mroueh, Greenewald, Torralba & Jegelka 2021 (arXiv:2106.03314), kV-Margin; the k-variance is of Solomon,
Greenewald & Nagaraja 2020 (arXiv:2012.07363), without its dimension-dependent constant.
Differs from the paper:
1. The expectation is a mean over 2 random splits, each into two halves.
2. The features before the last layer; the paper also takes earlier layers.
3. The features and gradients of at most 500 examples, the first of `random_order`; a class with less than two among
   them is left out. The median is over all training examples.
4. Not applicable where γ̃ ≤ 0.

Claims: larger gap (Chuang et al. 2021, abstract).
Random labels: unknown (only the abstract could be had).
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from measures import NotApplicable, measure
from measures.quantities.input_gradients import SAMPLE, sample_margin_gradients
from measures.trained_model import TrainedModel

SPLITS = 2


@measure(
    source="Chuang et al. 2021",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def k_variance_margin(trained: TrainedModel) -> float:
    median = float(trained.margins.double().quantile(0.5))
    if not median > 0:
        raise NotApplicable(f"the median margin is {median:.3g}, not above 0: half are misclassified")
    _, labels = trained.sample(SAMPLE)
    found, generator = sample_margin_gradients(trained), trained.generator()
    features, slopes = found.received[-1].double(), found.gradients[-1].double().norm(dim=1)
    normaliser, counted = 0.0, 0
    for c in range(trained.num_classes):
        members = labels == c
        count = int(members.sum())
        if count > 1:
            normaliser += count * float(slopes[members].max()) * k_variance(features[members], generator)
            counted += count
    if not normaliser > 0:
        raise NotApplicable("no class has features that vary, so there is nothing to normalise the margin with")
    return normaliser / counted / median


def k_variance(features: Tensor, generator: torch.Generator) -> float:
    """Mean W₁ distance between two random halves of the features (m, width), over SPLITS splits."""
    distances = torch.cdist(features, features).cpu()
    k, total = len(features) // 2, 0.0
    for _ in range(SPLITS):
        order = torch.randperm(len(features), generator=generator)
        between = distances[order[:k]][:, order[k : 2 * k]]
        rows, columns = linear_sum_assignment(between.numpy())
        total += float(between[rows, columns].mean())
    return total / SPLITS

"""Coherence of per-example gradients: does a step that helps one training example help the others?

    α = ‖Σᵢ gᵢ‖² / Σᵢ ‖gᵢ‖²     gᵢ = ∇_θ ℓ(f_θ(xᵢ), yᵢ),  i = 1..n

    gradient_coherence = −max over the early networks of α     (the claim is that coherent gradients generalize)
    gradient_diversity = 1/α of the trained network

ℓ is the cross-entropy, θ all weights, the n examples are the training set. α is n where all gradients are equal and 1
where they are orthogonal. The early networks are those at the ends of epochs 1, 2, 4 and 8, as far as training went.

Chatterjee & Zielinski 2020 (arXiv:2008.01217): m-coherence; Yin et al. 2018 (arXiv:1706.05699): gradient diversity.
Differs from the papers:
1. m-coherence is a curve over training. It peaks early; its value here is the largest of up to four points, the
   initial network not among them: what its gradients have in common is the correction of its arbitrary outputs.
2. Batch normalization uses its running statistics, so that every example has a gradient of its own.
3. Gradient diversity was introduced for the size of batches that training bears; that less diverse gradients go with
   better generalization is the claim of the first paper, whose quantity it inverts.

Version 2: over the training set, where it was over the first 200 examples of `random_order`. The diversity of 11, 10
and 12 of 20 digits twins was larger on random labels, random pixels and gaussian inputs, of 18, 12 and 13 now.

Claims: larger gap (Chatterjee & Zielinski 2020, abstract).
Random labels: separates (Chatterjee & Zielinski 2020, abstract; yet random labels reach hundreds).
"""

from measures import NotApplicable, measure
from measures.gradients._gradient_moments import early_statistics, statistics_at_end
from measures.quantities.final_gradients import final_gradients
from measures.trained_model import TrainedModel


@measure(
    source="Chatterjee & Zielinski 2020, m-coherence",
    version=2,
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def gradient_coherence(trained: TrainedModel) -> float:
    return -max(statistics.coherence for statistics in early_statistics(trained))


@measure(source="Yin et al. 2018, gradient diversity", version=2, invariant_to={"unit_permutation", "logit_shift"})
def gradient_diversity(trained: TrainedModel) -> float:
    coherence = statistics_at_end(trained).coherence
    if final_gradients(trained).cancel:
        raise NotApplicable("the gradients sum to zero: their diversity is infinite")
    return 1 / coherence

"""Share of training examples that the network does not give the class with the nearest mean (NC4).

    μ = (1/n) Σᵢ 1[argmax_c f(xᵢ)_c ≠ argmin_c ‖h(xᵢ) − μ_c‖₂]

h(x) are the features of the last hidden layer, μ_c their mean over class c, f the network's outputs. A fraction.

Papyan, Han & Donoho 2020 (arXiv:2008.08186), property NC4; the authors' code (NCC_mismatch).
Differs from the paper: a class that does not occur in the training set has no mean to be nearest.

Claims: larger gap (abstract: the geometry brings better generalization).
Random labels: unknown (the paper's full text could not be had).
"""

from measures import measure
from measures.representation._last_layer import class_means
from measures.trained_model import TrainedModel


@measure(
    source="Papyan, Han & Donoho 2020, NC4",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def neural_collapse_mismatch(trained: TrainedModel) -> float:
    means = class_means(trained)
    # The nearest mean is the one with the largest ⟨h, μ⟩ − ‖μ‖²/2.
    scores = means.features @ means.means.T - means.means.square().sum(dim=1) / 2
    nearest = means.present[scores.argmax(dim=1)]
    return float((nearest != trained.logits.argmax(dim=1)).double().mean())

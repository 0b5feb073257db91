"""Inverse margin in input space: how far is it, to first order, from an example to the boundary?

    μ = 1/γ     γ = 10th percentile over i of  γᵢ / ‖∇ₓ γᵢ‖₂     γᵢ = f(xᵢ)[yᵢ] − max_{j≠yᵢ} f(xᵢ)[j]

γ is a distance, in units of the standardised inputs.

Elsayed, Krishnan, Mobahi, Regan & Bengio 2018 (arXiv:1803.05598), the linearised distance to a decision boundary.
Differs from the paper:
1. A measure, where the paper has a loss function: the distances' 10th percentile, inverted.
2. The distance is to the boundary with the largest other logit, which need not be the nearest.
3. At most 500 examples, the first of `random_order` (quantities/input_gradients.py).
4. Not applicable where γ ≤ 0.

Claims: larger gap (Elsayed, Krishnan, Mobahi, Regan & Bengio 2018).
Random labels: unknown (the source could not be had).
"""

from measures import NotApplicable, measure
from measures.quantities.input_gradients import sample_margin_gradients
from measures.trained_model import TrainedModel


@measure(
    source="Elsayed et al. 2018",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def input_margin(trained: TrainedModel) -> float:
    found = sample_margin_gradients(trained)
    distances = found.margins.double() / found.gradients[0].double().norm(dim=1)
    gamma = float(distances.quantile(0.1))
    if not 0 < gamma < float("inf"):  # nan or infinite where a tenth of the margins are flat around their inputs
        raise NotApplicable(f"γ = {gamma:.3g}, not between 0 and ∞: a tenth is misclassified, or has a flat margin")
    return 1 / gamma

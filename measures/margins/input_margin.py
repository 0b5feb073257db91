"""Inverse margin in input space: how far is it, to first order, from an example to the boundary?

    μ = 1/γ     γ = a percentile over i of  γᵢ / ‖∇ₓ γᵢ‖₂     γᵢ = f(xᵢ)[yᵢ] − max_{j≠yᵢ} f(xᵢ)[j]

    input_margin          γ = the 10th percentile
    input_margin_median   γ = the median

γ is a distance, in units of the standardised inputs; i runs over the training set.

Elsayed, Krishnan, Mobahi, Regan & Bengio 2018 (arXiv:1803.05598), the linearised distance to a decision boundary.
Differs from the paper:
1. A measure, where the paper has a loss function of every example: it names no percentile. The 10th is that of
   inverse_margin (Jiang et al. 2020, arXiv:1912.02178, eq. 22); the choice decides, so the median stands beside it.
2. The distance is to the boundary with the largest other logit, which need not be the nearest.
3. Not applicable where γ ≤ 0.

Version 2: over the training set, where it was over 500 examples. Of 20 digits twins 20, 15 and 16 have the larger value
on random labels, random pixels and gaussian inputs (20, 15 and 15 before), by the median all.

Claims: larger gap (Elsayed, Krishnan, Mobahi, Regan & Bengio 2018).
Random labels: unknown (the source could not be had).
"""

from torch import Tensor

from measures import NotApplicable, measure
from measures.once_per_model import once_per_model
from measures.quantities.input_gradients import margins_and_slopes
from measures.trained_model import TrainedModel

EVERY_CHANGE = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@measure(source="Elsayed et al. 2018", version=2, invariant_to=EVERY_CHANGE)
def input_margin(trained: TrainedModel) -> float:
    return inverse_distance(trained, 0.1)


@measure(source="Elsayed et al. 2018, the median", invariant_to=EVERY_CHANGE)
def input_margin_median(trained: TrainedModel) -> float:
    return inverse_distance(trained, 0.5)


def inverse_distance(trained: TrainedModel, share: float) -> float:
    """One over the distance that a `share` of the examples do not reach."""
    gamma = float(distances(trained).quantile(share))
    if not 0 < gamma < float("inf"):  # nan or infinite where so many of the margins are flat around their inputs
        raise NotApplicable(
            f"γ = {gamma:.3g}, not between 0 and ∞: a share of {share} is misclassified, or has a flat margin"
        )
    return 1 / gamma


@once_per_model
def distances(trained: TrainedModel) -> Tensor:
    """γᵢ/‖∇ₓ γᵢ‖₂ of each training example, (n,) float64; negative where it is misclassified."""
    margins, slopes = margins_and_slopes(trained.model, trained.inputs, trained.labels)
    return margins.double() / slopes.double()

"""Inverse radius of the basin: how far along random filter-normalized directions until the training loss is up by 1?

    μ = 1/r      E[L(θ + r d)] − L(θ) = 1 nat       d_f = z_f ‖θ_f‖₂ / ‖z_f‖₂ for every filter f,  z ~ N(0, I)

L is the mean cross-entropy. A filter is a row of a linear layer's weight or an output channel of a convolution's;
biases and batch normalization are not perturbed. r is in units of the filters' own norms: at r = 1 a filter and its
noise are equally long.

Li et al. 2018 (arXiv:1712.09913), section 4 (filter-wise normalization); the radius of the region of low loss
along such directions as in Huang et al. 2020 (arXiv:1906.03291).
Differs from the papers:
1. They plot the loss along one or two directions; here the mean over 8 becomes a number.
2. r is sought on a grid of 8 sizes a decade and interpolated (quantities/perturbations.py).
3. Not applicable where the loss does not rise by 1 nat up to r = 10 (all weights zero, or a bias that decides).
4. Of a training set larger than 2000, a weighted sample that leaves the loss unbiased.

Version 2: on the training set, where it was on 300 examples.

Claims: larger gap (Li et al. 2018, figure 3).
Random labels: unknown (only parts of the sources could be had).
"""

from torch import Tensor

from measures import measure
from measures.quantities.perturbations import clean_outcome, estimated_crossing, noisy_outcomes
from measures.trained_model import TrainedModel


@measure(
    source="Li et al. 2018, filter normalization",
    version=2,
    cost="slow",
    invariant_to={"layer_rescaling", "batch_norm_folding", "logit_shift"},
)
def loss_surface_radius(trained: TrainedModel, rise: float = 1.0) -> float:
    def rises(radius: float) -> Tensor:
        return noisy_outcomes(trained, radius, "filter").losses - clean_outcome(trained).loss

    radius = estimated_crossing(rises, rise, "moving filters by a share of", "the training loss", start=0)
    return radius.through(1 / radius, derivative=1 / radius**2)

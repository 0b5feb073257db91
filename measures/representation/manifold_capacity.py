"""Capacity of the class manifolds in the last hidden layer, with their radius and dimension, by mean-field theory.

    μ = 1/α = mean over classes of  E_t [ min_v { ‖v − t‖² : ⟨v, s⟩ ≥ 0 for every point s of the manifold } ]
    R = mean over classes of (E_t ‖δs̃‖²)^½      D = mean over classes of  E_t ⟨t, δs̃/‖δs̃‖⟩²

α: how many random two-way labellings per feature a linear readout can tell apart; larger in networks that untangle
their classes, so 1/α predicts a larger gap, as do radius R and dimension D. The manifold of a class is the convex
hull of (δh, 1), δh the features less the class's centre, in units of the centre's distance from the mean of all
classes' centres. t ~ N(0, I) in the span; s̃(t) = (δs̃, 1) is the anchor point, where the minimum leans on the hull:
s̃ = (v − t)/λ with λ > 0, or the point of the least ⟨t, s⟩ where t meets every constraint. No units.

Chung, Lee & Sompolinsky 2018 (arXiv:1710.06487); Cohen, Chung, Lee & Sompolinsky 2020; Stephenson et al. 2021
(arXiv:2105.14602).
Differs from the paper:
1. A class is represented by its first 30 examples in `random_order` and the expectation by 50 draws of t, the same for
   all classes; margin κ = 0. Classes of one example are points: μ = 1/2, R = D = 0.
2. The centres of the classes are taken to be uncorrelated; the papers first project out their largest correlations.

Claims: read into it.
Random labels: unknown (the abstract of Stephenson et al. 2021 compares layers, not networks).
"""

import dataclasses

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor

from measures import NotApplicable, measure
from measures.once_per_model import once_per_model
from measures.representation._class_statistics import class_statistics
from measures.representation._layer_features import hidden_layers
from measures.trained_model import TrainedModel

POINTS = 30  # at most so many of a class
DRAWS = 50
UNMOVED = {"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"}


@dataclasses.dataclass(frozen=True)
class Geometry:
    """Means over the classes' manifolds: `inverse_capacity` 1/α, `radius` R, `dimension` D."""

    inverse_capacity: float
    radius: float
    dimension: float


@measure(source="Chung, Lee & Sompolinsky 2018, manifold capacity", cost="slow", invariant_to=UNMOVED)
def inverse_manifold_capacity(trained: TrainedModel) -> float:
    return manifold_geometry(trained).inverse_capacity


@measure(source="Chung, Lee & Sompolinsky 2018, manifold radius", cost="slow", invariant_to=UNMOVED)
def manifold_radius(trained: TrainedModel) -> float:
    return manifold_geometry(trained).radius


@measure(source="Chung, Lee & Sompolinsky 2018, manifold dimension", cost="slow", invariant_to=UNMOVED)
def manifold_dimension(trained: TrainedModel) -> float:
    return manifold_geometry(trained).dimension


@once_per_model
def manifold_geometry(trained: TrainedModel) -> Geometry:
    """All three by one set of quadratic programs."""
    statistics = class_statistics(trained, hidden_layers(trained)[-1])
    offsets = (statistics.centres - statistics.centres.mean(dim=0)).norm(dim=1)
    t = torch.randn(DRAWS, POINTS + 1, generator=trained.generator(), dtype=torch.float64).numpy()
    found = []
    for number, offset in enumerate(offsets.tolist()):
        if not offset > 1e-6 * float(offsets.max()):
            raise NotApplicable("a class has its centre at the mean of all: its manifold has no direction")
        points = statistics.deviations[statistics.members == number][:POINTS] / offset
        hull = coordinates(points)
        found.append(geometry_of(hull, t[:, : hull.shape[1]]))
    return Geometry(*np.mean(found, axis=0).tolist())


def coordinates(points: Tensor) -> np.ndarray:
    """The points (m, width) in m dimensions, congruent, and 1 as their last coordinate: (m, m + 1).

    By the symmetric root of their Gram matrix, so that neither the units' order nor signs of eigenvectors count.
    """
    left, singular, _ = torch.linalg.svd(points, full_matrices=False)
    congruent = (left * singular) @ left.T
    return np.hstack([congruent.cpu().numpy(), np.ones((len(points), 1))])


def geometry_of(hull: np.ndarray, draws: np.ndarray) -> tuple[float, float, float]:
    """1/α, R and D of the convex hull of the rows of `hull`, (m, d + 1), each ending in 1; `draws` is (k, d + 1)."""
    distances, anchors = [], []
    for t in draws:
        # v = t + Σᵢ aᵢ sᵢ with the aᵢ ≥ 0 that make it shortest (the dual program).
        a, _ = nnls(hull.T, -t)
        distances.append(np.sum((a @ hull) ** 2))
        anchors.append(a @ hull / a.sum() if a.any() else hull[np.argmin(hull @ t)])
    offsets = np.array(anchors)[:, :-1]
    lengths = np.linalg.norm(offsets, axis=1)
    along = np.sum(draws[:, :-1] * offsets, axis=1) / np.where(lengths > 0, lengths, 1)
    return float(np.mean(distances)), float(np.sqrt(np.mean(lengths**2))), float(np.mean(along**2))

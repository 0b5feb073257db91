"""Kernel matrices against labels: one-hot coding, centring and spectra, for the examples of `sampled`."""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.gradient_gram import final_tangent_kernel, initial_tangent_kernel, sampled
from harness.shared import once_per_model
from harness.trained_model import TrainedModel
from measures._registry import NotApplicable


@dataclasses.dataclass(frozen=True, eq=False)
class Spectrum:
    """A symmetric matrix's eigenvalues (m,), ascending, and its eigenvectors, the columns of (m, m)."""

    values: Tensor
    vectors: Tensor

    def energies(self, columns: Tensor) -> Tensor:
        """Squared length of the columns' (m, k) projections on each eigenvector, summed over columns, (m,)."""
        return (self.vectors.T @ columns).square().sum(dim=1)


def spectrum(matrix: Tensor) -> Spectrum:
    return Spectrum(*torch.linalg.eigh(matrix))


def one_hot_labels(trained: TrainedModel) -> Tensor:
    """The labels of `sampled`, (m, num_classes) float64, 1 for an example's class and 0 for others."""
    return F.one_hot(sampled(trained)[1], trained.num_classes).double()


def centred_labels(trained: TrainedModel) -> Tensor:
    """`one_hot_labels` less their mean over the examples; NotApplicable where there is a single class."""
    labels = one_hot_labels(trained)
    if bool((labels.sum(dim=0) == len(labels)).any()):
        raise NotApplicable(f"all {len(labels)} labels are equal: nothing is left of them after centring")
    return labels - labels.mean(dim=0)


def centred(kernel: Tensor) -> Tensor:
    """H K H with H = I − 11ᵀ/m: the kernel of features less their mean."""
    rows = kernel - kernel.mean(dim=0)
    return rows - rows.mean(dim=1, keepdim=True)


@once_per_model
def tangent_spectrum(trained: TrainedModel, before_training: bool = False) -> Spectrum:
    """Of the tangent kernel of the trained network, or of the initial one."""
    return spectrum(initial_tangent_kernel(trained) if before_training else final_tangent_kernel(trained))


@once_per_model
def centred_tangent_spectrum(trained: TrainedModel, before_training: bool = False) -> Spectrum:
    """The same of the centred kernel."""
    return spectrum(centred(initial_tangent_kernel(trained) if before_training else final_tangent_kernel(trained)))

"""Kernel matrices against labels: one-hot coding, centring and spectra, for the examples of `sampled`."""

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.quantities.gradient_gram import SAMPLE, final_tangent_kernel, initial_tangent_kernel
from measures.rounding import all_same_kernel
from measures.trained_model import TrainedModel


@dataclasses.dataclass(frozen=True, eq=False)
class KernelSpectrum:
    """A symmetric matrix's eigenvalues (m,), ascending, and its eigenvectors, the columns of (m, m)."""

    values: Tensor
    vectors: Tensor

    def energies(self, columns: Tensor) -> Tensor:
        """Squared length of the columns' (m, k) projections on each eigenvector, summed over columns, (m,)."""
        return (self.vectors.T @ columns).square().sum(dim=1)


def spectrum(matrix: Tensor) -> KernelSpectrum:
    return KernelSpectrum(*torch.linalg.eigh(matrix))


def one_hot_labels(trained: TrainedModel) -> Tensor:
    """The labels of `sampled`, (m, num_classes) float64, 1 for an example's class and 0 for others."""
    return F.one_hot(trained.sample(SAMPLE)[1], trained.num_classes).double()


def centred_labels(trained: TrainedModel) -> Tensor:
    """`one_hot_labels` less their mean over the examples; NotApplicable where there is a single class."""
    labels = one_hot_labels(trained)
    if bool((labels.sum(dim=0) == len(labels)).any()):
        raise NotApplicable(f"all {len(labels)} labels are equal: nothing is left of them after centring")
    return labels - labels.mean(dim=0)


def centred(kernel: Tensor) -> Tensor:
    """H K H with H = I − 11ᵀ/m: the kernel of features less their mean. NotApplicable where all features are that."""
    rows = kernel - kernel.mean(dim=0)
    found = rows - rows.mean(dim=1, keepdim=True)
    if all_same_kernel(kernel, found):
        raise NotApplicable("the centred tangent kernel is zero, beside the kernel: it has no direction")
    return found


@once_per_model
def tangent_spectrum(trained: TrainedModel, before_training: bool = False) -> KernelSpectrum:
    """Of the tangent kernel of the trained network, or of the initial one."""
    return spectrum(initial_tangent_kernel(trained) if before_training else final_tangent_kernel(trained))


@once_per_model
def centred_tangent_spectrum(trained: TrainedModel, before_training: bool = False) -> KernelSpectrum:
    """The same of the centred kernel."""
    return spectrum(centred(initial_tangent_kernel(trained) if before_training else final_tangent_kernel(trained)))

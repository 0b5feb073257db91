"""Singular values of the layers' weight matrices, and the power law in the tail of a spectrum.

Random-matrix theory speaks of matrices with entries of their own. So here a convolution's matrix is its kernel as
(out channels, in channels * height * width), whose entries are the free weights; the operator of measures/layers.py
repeats each of them at every position. For a linear layer the two are one.

Heavy-tailed self-regularization takes a convolution apart into one (out channels, in channels) matrix for each position
of its kernel, and puts their spectra together (`pooled_spectra`); batch normalization it leaves aside.
"""

import dataclasses

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.layers import DENSE_LIMIT, Layer, require_size
from measures.networks.copying import copy_of, in_evaluation
from measures.networks.effective_layers import has_plain_layers, with_plain_layers
from measures.networks.functional_layers import with_functions_as_layers
from measures.networks.one_dimensional import with_sequences_as_images
from measures.once_per_model import once_per_model
from measures.trained_model import FEW, TrainedModel

FEWEST_EIGENVALUES = 50  # fewer are no spectrum to fit a law to
SHORTEST_TAIL = 10  # eigenvalues; a power law through fewer fits whatever they are
ZERO = 1e-12  # of the largest eigenvalue: below, an eigenvalue of float32 weights is rounding


@dataclasses.dataclass(frozen=True, eq=False)
class WeightSpectrum:
    """Singular values of a layer's weight matrix, or of several put together, descending, float64.

    Of one matrix they are (min(rows, columns),).
    """

    name: str
    rows: int
    columns: int
    singular_values: Tensor

    @property
    def eigenvalues(self) -> Tensor:
        """Those of WᵀW, as many as there are singular values, not divided by anything, descending."""
        return self.singular_values.square()


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """Density proportional to λ^(−exponent) from `start` on; `distance` is Kolmogorov and Smirnov's to the data."""

    exponent: float
    start: float
    distance: float


@once_per_model
def weight_spectra(trained: TrainedModel) -> tuple[WeightSpectrum, ...]:
    """Every layer's, in the order of application, batch normalization folded in.

    Raises NotApplicable for a matrix of more than DENSE_LIMIT entries and for one of zeros.
    """
    return tuple(_spectrum(layer) for layer in trained.layers)


@once_per_model
def large_spectra(trained: TrainedModel) -> tuple[WeightSpectrum, ...]:
    """Those of `weight_spectra` with at least FEWEST_EIGENVALUES; NotApplicable where there is none."""
    large = tuple(
        spectrum for spectrum in weight_spectra(trained) if min(spectrum.rows, spectrum.columns) >= FEWEST_EIGENVALUES
    )
    if not large:
        most = max(min(spectrum.rows, spectrum.columns) for spectrum in weight_spectra(trained))
        raise NotApplicable(f"the largest weight matrix has {most} eigenvalues; a spectrum needs {FEWEST_EIGENVALUES}")
    return large


@once_per_model
def pooled_spectra(trained: TrainedModel) -> tuple[WeightSpectrum, ...]:
    """One a layer, of its weights without normalization: all singular values of the matrices W[:, :, i, j] together.

    Those with at least FEWEST_EIGENVALUES; NotApplicable where there is none, and as `weight_spectra`.
    """
    network = with_functions_as_layers(in_evaluation(copy_of(trained.model)), trained.inputs[:FEW])
    if not has_plain_layers(network):
        network = with_plain_layers(network, trained.inputs[:FEW])
    network = with_sequences_as_images(network)
    weights = [network.get_submodule(layer.name).get_parameter("weight") for layer in trained.layers]
    spectra = [_pooled_spectrum(layer, weight) for layer, weight in zip(trained.layers, weights, strict=True)]
    large = tuple(spectrum for spectrum in spectra if len(spectrum.singular_values) >= FEWEST_EIGENVALUES)
    if not large:
        most = max(len(spectrum.singular_values) for spectrum in spectra)
        raise NotApplicable(f"no layer has more than {most} eigenvalues; a spectrum needs {FEWEST_EIGENVALUES}")
    return large


@once_per_model
def power_laws(trained: TrainedModel) -> tuple[PowerLaw, ...]:
    """The tail of each of `pooled_spectra`."""
    return tuple(fitted_power_law(spectrum.eigenvalues) for spectrum in pooled_spectra(trained))


def fitted_power_law(values: Tensor) -> PowerLaw:
    """The power law whose tail fits best, by Clauset, Shalizi & Newman 2009 (arXiv:0706.1062).

    For every value as the start the exponent of largest likelihood (their eq. 3.1); of all starts the one with the
    smallest distance to what lies above it (their eq. 3.9), tails of at least SHORTEST_TAIL values. What is below
    ZERO of the largest counts as zero and is left out. All starts at once: a matrix of (starts, values).
    """
    logs = values[values > ZERO * values.max()].double().log().sort().values
    size = len(logs)
    tail = size - torch.arange(size, dtype=torch.float64, device=logs.device)  # how many values from this one on
    above = logs.flip(0).cumsum(0).flip(0) - tail * logs  # Σ log(λ / start) over the tail
    first = torch.cat([logs[:1] == logs[:1], logs[1:] > logs[:-1]])  # of equal values: a tail has all of them
    starts = (first & (tail >= SHORTEST_TAIL) & (above > 0)).nonzero()[:, 0]
    if not len(starts):
        raise NotApplicable(f"{size} eigenvalues above zero: no tail of {SHORTEST_TAIL} different ones to fit")
    rate = (tail / above.clamp_min(torch.finfo(above.dtype).tiny))[starts]  # the exponent less 1
    model = -torch.expm1(-rate[:, None] * (logs - logs[starts, None]))  # share of the law below each value
    place = torch.arange(size, device=logs.device) - starts[:, None]
    step = tail[starts, None].reciprocal()
    distance = torch.maximum((model - place * step).abs(), ((place + 1) * step - model).abs())
    distance = distance.masked_fill(place < 0, 0).amax(dim=1)
    best = int(distance.argmin())
    return PowerLaw(1 + float(rate[best]), float(logs[starts[best]].exp()), float(distance[best]))


@torch.no_grad()
def _pooled_spectrum(layer: Layer, weight: Tensor) -> WeightSpectrum:
    """Of the weight (out, in) or (out, in, height, width) that the layer has before normalization is folded in."""
    if weight.ndim == 2 and torch.equal(weight, layer.weight):
        return _spectrum(layer)
    _check_size(layer)
    of_positions = weight.double().flatten(2).movedim(2, 0) if weight.ndim > 2 else weight.double()
    values = torch.linalg.svdvals(of_positions).flatten().sort(descending=True).values
    require_size([layer], [float(values[0])])
    return WeightSpectrum(layer.name, weight.shape[0], weight.shape[1], values)


def _check_size(layer: Layer) -> None:
    if layer.weight.numel() > DENSE_LIMIT:
        raise NotApplicable(
            f"layer {layer.name!r} has {layer.weight.numel():,} weights; a spectrum is computed up to {DENSE_LIMIT:,}"
        )


def _spectrum(layer: Layer) -> WeightSpectrum:
    _check_size(layer)
    matrix = layer.weight.flatten(1)
    values = layer.singular_values if len(layer.input_shape) == 1 else torch.linalg.svdvals(matrix.double())
    require_size([layer], [float(values[0])])
    return WeightSpectrum(layer.name, matrix.shape[0], matrix.shape[1], values)

"""Kernel interpolants of clean and of corrupted labels, halfway between neighbours: what a midpoint says of the gap.

f(x) = Σᵢ αᵢ k(xᵢ, x) of section 5, k(x, x') = exp(−γ |x − x'|²), is a network without noise of training: labels,
width and number of examples determine it. So what a measure of measures/interpolation reads of the labels, of their
neighbours, and of the function can be told apart. With D the share of pairs of different labels, of a function that
fits all examples

    midpoint_error = D/2 + (1 − D) a + D b

where a is the share of the pairs of one label whose midpoint gets another, and b that of the pairs of two labels whose
midpoint gets a third. D is the data's, a and b are the function's. And with h = |xᵢ − xⱼ|

    |f(z) − (f(xᵢ) + f(xⱼ))/2| ≤ |f| κ(h),   κ(h)² = |k(z, ·) − (k(xᵢ, ·) + k(xⱼ, ·))/2|² = 1 + (1 + φ(h))/2 − 2 φ(h/2)

by Cauchy and Schwarz in the kernel's space, φ(h) = exp(−γ h²), of every class's f: the bend between neighbours is a
lower limit of the norm, on the scale of the data's own distances.

The logits are β f, so that a fitted example has the loss at which the zoo's networks stop; of the measures here only
midpoint_entropy depends on β.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.paper.kernels.gaussian_kernel import GaussianKernel
from harness.paper.kernels.interpolation import norm
from harness.settings import Settings
from harness.training.reading.raw_data import RawData, as_floats, load_raw_data
from measures.interpolation._midpoints import midpoints
from measures.interpolation.midpoint_entropy import midpoint_entropy
from measures.interpolation.midpoint_error import midpoint_error
from measures.interpolation.midpoint_margin import midpoint_margin
from measures.seeding import seeded_generator
from measures.trained_model import TrainedModel

WIDTHS = (0.25, 1.0, 4.0, 16.0)
"""γ, as multiples of 1 / the median squared distance of two images."""
CORRUPTED = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Shares of labels that are drawn anew, each of all classes; a larger share has the smaller one's."""
JITTER = 1e-8
"""On the diagonal of K, in float64."""
MOST_TESTED = 5000
"""Images that test an interpolant, drawn where there are more."""
FITTED_LOSS = 0.01
"""At which the zoo's networks stop; it determines β."""


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Images as vectors (n, d) and (m, d) float64, their labels, and γ of the median heuristic."""

    name: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    num_classes: int
    heuristic: float


@dataclasses.dataclass(frozen=True)
class Interpolated:
    """What there is to say of one interpolant; shares are of pairs of an example and its nearest other."""

    data_set: str
    num_train: int
    width: float
    corrupted: float
    train_error: float
    test_error: float
    norm: float
    midpoint_error: float
    midpoint_margin: float
    midpoint_entropy: float
    two_labels: float
    another_label: float
    """a: of the pairs of one label"""
    third_label: float
    """b: of the pairs of two labels"""
    largest_bend: float
    """The largest of |f(z) − (f(xᵢ) + f(xⱼ))/2| / (|f| κ(h)) over pairs and classes: at most 1."""


class KernelNetwork(nn.Module):
    """x (m, d) to β f(x) (m, classes)."""

    def __init__(self, kernel: GaussianKernel, solution: Tensor, beta: float):
        super().__init__()
        self.kernel, self.beta = kernel, beta
        self.solution = nn.Parameter(solution, requires_grad=False)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.beta * self.kernel.predict(inputs, self.solution)


def load_problem(name: str, num_train: int, settings: Settings) -> Problem:
    """The first `num_train` images in an order drawn with a fixed seed; of data without a test set others test."""
    raw = load_raw_data(name, settings.data_dir, settings.cache_dir)
    total = len(raw.labels) if raw.num_official_train is None else raw.num_official_train
    if not 2 <= num_train < total:
        raise HarnessError(f"--num-train is {num_train}; {name} has {total} images, of which 2 or more train, not all")
    order = torch.randperm(total, generator=seeded_generator(0, "midpoints"))
    tested = order[num_train:]
    if raw.num_official_train is not None:
        tested = total + torch.randperm(len(raw.labels) - total, generator=seeded_generator(0, "tested"))
    tested = tested[:MOST_TESTED]
    train, test = _vectors(raw, order[:num_train]), _vectors(raw, tested)
    mean = train.mean(dim=0)
    distances = torch.pdist(train[:1000]).square()
    return Problem(
        name,
        train - mean,
        raw.labels[order[:num_train]],
        test - mean,
        raw.labels[tested],
        raw.num_classes,
        1 / float(distances.median()),
    )


def _vectors(raw: RawData, rows: Tensor) -> Tensor:
    return as_floats(raw.images[rows]).flatten(1).double()


def corrupted(labels: Tensor, num_classes: int, share: float) -> Tensor:
    """The labels (n,) with a share of them drawn anew."""
    generator = seeded_generator(0, "corrupted labels of an interpolant")
    first = torch.rand(len(labels), generator=generator)
    drawn = torch.randint(num_classes, labels.shape, generator=generator)
    return torch.where(first < share, drawn, labels)


def interpolate_all(
    problem: Problem, widths: Sequence[float] = WIDTHS, shares: Sequence[float] = CORRUPTED
) -> Iterator[Interpolated]:
    """Every width with every share of corrupted labels: K is factorised once for each width."""
    for width in widths:
        kernel = GaussianKernel(problem.train, width * problem.heuristic)
        matrix = kernel(slice(0, len(problem.train)))
        factor = torch.linalg.cholesky(matrix + JITTER * torch.eye(len(matrix), dtype=matrix.dtype))
        for share in shares:
            labels = corrupted(problem.train_labels, problem.num_classes, share)
            targets = F.one_hot(labels, problem.num_classes).double()
            beta = math.log((problem.num_classes - 1) / math.expm1(FITTED_LOSS))
            network = KernelNetwork(kernel, torch.cholesky_solve(targets, factor), beta)
            yield _measured(problem, network, labels, targets, width, share)


def _measured(
    problem: Problem, network: KernelNetwork, labels: Tensor, targets: Tensor, width: float, share: float
) -> Interpolated:
    without: Any = None  # initial weights and a history: what is read here needs neither
    trained = TrainedModel(network, without, problem.train, labels, problem.num_classes, without, 0)
    pairs, solution = midpoints(trained), network.solution.detach()
    two, another, third = shares_of(pairs.logits.argmax(dim=1), labels[pairs.one], labels[pairs.other])
    return Interpolated(
        data_set=problem.name,
        num_train=len(labels),
        width=width,
        corrupted=share,
        train_error=_error(trained.logits, labels),
        test_error=_error(network(problem.test), problem.test_labels),
        norm=norm(solution, targets),
        midpoint_error=midpoint_error(trained),
        midpoint_margin=midpoint_margin(trained),
        midpoint_entropy=midpoint_entropy(trained),
        two_labels=two,
        another_label=another,
        third_label=third,
        largest_bend=_largest_bend(trained, network.kernel, network.beta * solution),
    )


def shares_of(halfway: Tensor, first: Tensor, second: Tensor) -> tuple[float, float, float]:
    """D, a and b of the classes halfway (m,) between examples with the labels `first` and `second`."""
    two = first != second
    neither = (halfway != first) & (halfway != second)
    return _share(two), _share(neither[~two]), _share(neither[two])


def _largest_bend(trained: TrainedModel, kernel: GaussianKernel, solution: Tensor) -> float:
    """Over pairs and classes, as a share of its upper limit |f| κ(h); the network is Σ solutionᵢ k(xᵢ, x)."""
    pairs, values = midpoints(trained), trained.logits
    bends = (pairs.logits - (values[pairs.one] + values[pairs.other]) / 2).abs()
    norms = (solution * values).sum(dim=0).clamp_min(0).sqrt()
    squares = (trained.inputs[pairs.one] - trained.inputs[pairs.other]).square().sum(dim=1)
    limits = bend_limit(squares, kernel.gamma)[:, None] * norms
    there = limits > 0  # not of a repeated example, which has no segment, nor of a class without examples
    return float((bends[there] / limits[there]).max())


def bend_limit(squared_distances: Tensor, gamma: float) -> Tensor:
    """κ(h) of squared distances h² (m,): by how much a function of norm 1 can bend on a segment of length h."""
    whole, half = (-gamma * squared_distances).expm1(), (-gamma * squared_distances / 4).expm1()
    return (whole / 2 - 2 * half).clamp_min(0).sqrt()  # φ = 1 + expm1(…): the ones cancel


def _error(outputs: Tensor, labels: Tensor) -> float:
    return float((outputs.argmax(dim=1) != labels).double().mean())


def _share(those: Tensor) -> float:
    """0 of none."""
    return float(those.double().mean()) if len(those) else 0.0

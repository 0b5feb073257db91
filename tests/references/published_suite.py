"""What the largest published suite does, as plainly as it can be said: the naive reference for its 26 measures.

Dziugaite et al. 2020, In Search of Robust Measures of Generalization (arXiv:2010.11924). This is this project's own
implementation, from the equations of Jiang et al. 2020 (arXiv:1912.02178) and from facts of that suite's public code:

- The training set is passed over in batches of 5,000.
- Batch normalization is folded into the convolution before it, and stays behind as the identity.
- Weights are the kernels. Biases count where the network runs (paths, margins, noise), and in no norm.
- A kernel's spectral norm is taken twice: of the kernel reshaped to (out channels, the rest), and as the largest
  singular value of its Fourier transform at the size of the images, for each layer alike.
- The margin is the absolute value of the (n // 10)th smallest.
- σ is sought by bisection of its root in [0, 2], in up to 15 steps. A step runs 10 noisy copies of the network over
  the training set and ends the search where the accuracy has moved by 0.1, within 0.01, in either direction. It is
  done once for noise of one size and once for noise in proportion, with ε = 0.001.

Differs from that code:
1. It hands the number that it bisects to the generator squared, as a standard deviation, and takes the number itself
   for σ. Here σ is the standard deviation, as in the paper; the steps are those of that code.
2. Noise in proportion has the paper's variance σ²θ² + ε²; that code has this as a standard deviation.
3. Values are the paper's, where that code goes on to divide by the number of examples.
"""

import copy
import dataclasses
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

BATCH = 5000
STEPS, DRAWS, MOVED, TOLERANCE = 15, 10, 0.1, 0.01
EPSILON = 1e-3


@dataclasses.dataclass(frozen=True)
class Ingredients:
    """What the measures are made of; lists have a number for each of d layers, all norms are squared."""

    kernels: list[Tensor]
    changes: list[Tensor]
    weights: Tensor  # all of the kernels', (p,)
    change: Tensor  # since the initialization, (p,)
    frobenius: Tensor
    frobenius_change: Tensor
    spectral: Tensor
    spectral_change: Tensor
    paths: float  # sum over paths of the product of squared weights
    margin: float
    sigma: float
    sigma_in_proportion: float
    n: int


@torch.no_grad()
def ingredients(model: nn.Module, init: nn.Module, inputs: Tensor, labels: Tensor, seed: int = 0) -> Ingredients:
    """All that the 26 measures are made of, spectral norms of reshaped kernels.

    `model` and `init` are chains of convolutions, each followed by batch normalization or not, in evaluation mode.
    """
    model, init = normalization_folded(model), normalization_folded(init)
    now = kernels(model)
    change = [after - before for after, before in zip(now, kernels(init), strict=True)]
    return Ingredients(
        kernels=now,
        changes=change,
        weights=torch.cat([kernel.flatten() for kernel in now]),
        change=torch.cat([kernel.flatten() for kernel in change]),
        frobenius=torch.stack([kernel.square().sum() for kernel in now]),
        frobenius_change=torch.stack([kernel.square().sum() for kernel in change]),
        spectral=torch.stack([reshaped_norm(kernel) ** 2 for kernel in now]),
        spectral_change=torch.stack([reshaped_norm(kernel) ** 2 for kernel in change]),
        paths=paths_squared(model, inputs[:1]),
        margin=abs(margin_of_the_closest_tenth(model, inputs, labels)),
        sigma=searched_sigma(model, inputs, labels, seed, in_proportion=False),
        sigma_in_proportion=searched_sigma(model, inputs, labels, seed, in_proportion=True),
        n=len(labels),
    )


def with_fourier_norms(given: Ingredients, size: tuple[int, ...]) -> Ingredients:
    """The same with spectral norms by Fourier transform, for images of this size."""
    return dataclasses.replace(
        given,
        spectral=torch.stack([fourier_norm(kernel, size) ** 2 for kernel in given.kernels]),
        spectral_change=torch.stack([fourier_norm(kernel, size) ** 2 for kernel in given.changes]),
    )


def values_of(given: Ingredients) -> dict[str, float]:
    """All 26, by the name of this project's measure."""
    return {measure.__name__: float(measure(given)) for measure in MEASURES}


def normalization_folded(model: nn.Module) -> nn.Module:
    """A copy in which each normalization is the identity, and the convolution listed before it does its work."""
    model = copy.deepcopy(model)
    before: nn.Conv2d | None = None
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            before = layer
        if isinstance(layer, nn.BatchNorm2d):
            assert before is not None and before.bias is not None
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            before.weight.mul_(scale[:, None, None, None])
            before.bias.copy_(layer.bias + scale * (before.bias - layer.running_mean))
            layer.weight.fill_(1)
            layer.bias.fill_(0)
            layer.running_mean.fill_(0)
            layer.running_var.fill_(1 - layer.eps)
    return model


def kernels(model: nn.Module) -> list[Tensor]:
    return [layer.weight.detach() for layer in model.modules() if isinstance(layer, nn.Conv2d)]


def batches(inputs: Tensor, labels: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    return zip(inputs.split(BATCH), labels.split(BATCH), strict=True)


def reshaped_norm(kernel: Tensor) -> Tensor:
    return torch.linalg.svdvals(kernel.flatten(1))[0]


def fourier_norm(kernel: Tensor, size: tuple[int, ...]) -> Tensor:
    """The largest singular value of a convolution around a torus of this size, with stride 1."""
    transformed = np.fft.fft2(kernel.numpy(), size, axes=(2, 3))  # (out, in, height, width)
    values = np.linalg.svd(transformed.transpose(2, 3, 0, 1), compute_uv=False)
    return torch.tensor(values.max())


def paths_squared(model: nn.Module, example: Tensor) -> float:
    """The outputs of the network with all parameters squared, for an image of ones, summed."""
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        parameter.square_()
    return float(model(torch.ones_like(example)).sum())


def margin_of_the_closest_tenth(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """The (n // 10)th smallest of the label's logit less the largest other one."""
    margins = []
    for x, y in batches(inputs, labels):
        logits = model(x)
        of_label = logits.gather(1, y[:, None]).flatten()
        margins.append(of_label - logits.scatter(1, y[:, None], -torch.inf).max(dim=1).values)
    return float(torch.cat(margins).sort().values[len(labels) // 10 - 1])


def accuracy(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    return sum(int((model(x).argmax(dim=1) == y).sum()) for x, y in batches(inputs, labels)) / len(labels)


def noisy_copy(model: nn.Module, sigma: float, in_proportion: bool, generator: torch.Generator) -> nn.Module:
    """Noise on all parameters: of standard deviation σ, or of variance σ²θ² + ε²."""
    model = copy.deepcopy(model)
    for parameter in model.parameters():
        std = (sigma**2 * parameter.square() + EPSILON**2).sqrt() if in_proportion else sigma
        parameter.add_(std * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return model


def searched_sigma(model: nn.Module, inputs: Tensor, labels: Tensor, seed: int, in_proportion: bool) -> float:
    """The noise that moves the training accuracy by 0.1 on average, or what 15 steps end with where none is found."""
    generator = torch.Generator().manual_seed(seed)
    clean, low, high = accuracy(model, inputs, labels), 0.0, 2.0
    for _ in range(STEPS):
        root = (low + high) / 2
        sigma = root**2
        copies = (noisy_copy(model, sigma, in_proportion, generator) for _ in range(DRAWS))
        moved = abs(sum(accuracy(noisy, inputs, labels) for noisy in copies) / DRAWS - clean)
        if abs(moved - MOVED) < TOLERANCE:
            break
        low, high = (low, root) if moved > MOVED else (root, high)
    return sigma


def l2_norm(given: Ingredients) -> float:
    return float(given.weights.norm())


def distance_from_init(given: Ingredients) -> float:
    return float(given.change.norm())


def parameter_count(given: Ingredients) -> float:
    """Eq. 20, of the weights."""
    return len(given.weights)


def inverse_margin(given: Ingredients) -> float:
    """Eq. 22."""
    return 1 / given.margin**2


def spectral_norm(given: Ingredients) -> float:
    """Eq. 32."""
    return log_of_product(given.spectral)


def spectral_over_margin(given: Ingredients) -> float:
    """Eq. 31."""
    return spectral_norm(given) - 2 * math.log(given.margin)


def spectral_init_main(given: Ingredients) -> float:
    """Eq. 29."""
    return spectral_over_margin(given) + float((given.frobenius_change / given.spectral).sum().log())


def spectral_orig_main(given: Ingredients) -> float:
    """Eq. 30."""
    return spectral_over_margin(given) + math.log(stable_rank_sum(given))


def stable_rank_sum(given: Ingredients) -> float:
    """Eq. 33."""
    return float((given.frobenius / given.spectral).sum())


def spectral_sum_over_margin(given: Ingredients) -> float:
    """Eq. 34."""
    return log_of_balanced_sum(spectral_over_margin(given), given.spectral)


def spectral_sum(given: Ingredients) -> float:
    """Eq. 35."""
    return log_of_balanced_sum(spectral_norm(given), given.spectral)


def frobenius_over_margin(given: Ingredients) -> float:
    """Eq. 36."""
    return frobenius_norm(given) - 2 * math.log(given.margin)


def frobenius_norm(given: Ingredients) -> float:
    """Eq. 37."""
    return log_of_product(given.frobenius)


def frobenius_sum_over_margin(given: Ingredients) -> float:
    """Eq. 38, as a logarithm."""
    return log_of_balanced_sum(frobenius_over_margin(given), given.frobenius)


def frobenius_sum(given: Ingredients) -> float:
    """Eq. 39, as a logarithm."""
    return log_of_balanced_sum(frobenius_norm(given), given.frobenius)


def frobenius_distance(given: Ingredients) -> float:
    """Eq. 40."""
    return float(given.frobenius_change.sum())


def spectral_distance(given: Ingredients) -> float:
    """Eq. 41."""
    return float(given.spectral_change.sum())


def parameter_norm(given: Ingredients) -> float:
    """Eq. 42."""
    return float(given.frobenius.sum())


def path_norm_over_margin(given: Ingredients) -> float:
    """Eq. 43."""
    return given.paths / given.margin**2


def path_norm(given: Ingredients) -> float:
    """Eq. 44."""
    return given.paths


def pac_bayes_init(given: Ingredients) -> float:
    """Eq. 48."""
    return pac_bayes(given, given.change)


def pac_bayes_orig(given: Ingredients) -> float:
    """Eq. 49."""
    return pac_bayes(given, given.weights)


def pac_bayes_flatness(given: Ingredients) -> float:
    """Eq. 53."""
    return 1 / given.sigma**2


def pac_bayes_magnitude_init(given: Ingredients) -> float:
    """Eq. 56."""
    return pac_bayes_magnitude(given, given.change)


def pac_bayes_magnitude_orig(given: Ingredients) -> float:
    """Eq. 57."""
    return pac_bayes_magnitude(given, given.weights)


def pac_bayes_magnitude_flatness(given: Ingredients) -> float:
    """Eq. 61."""
    return 1 / given.sigma_in_proportion**2


MEASURES = (
    *(l2_norm, distance_from_init, parameter_count, inverse_margin),
    *(spectral_norm, spectral_over_margin, spectral_init_main, spectral_orig_main),
    *(stable_rank_sum, spectral_sum, spectral_sum_over_margin),
    *(frobenius_norm, frobenius_over_margin, frobenius_sum, frobenius_sum_over_margin),
    *(frobenius_distance, spectral_distance, parameter_norm, path_norm, path_norm_over_margin),
    *(pac_bayes_init, pac_bayes_orig, pac_bayes_flatness),
    *(pac_bayes_magnitude_init, pac_bayes_magnitude_orig, pac_bayes_magnitude_flatness),
)
"""All 26; this project has one of the same name for each."""


def log_of_product(squares: Tensor) -> float:
    return float(squares.log().sum())


def log_of_balanced_sum(log_product: float, layers: Tensor) -> float:
    """The logarithm of d times the dth root, d layers."""
    return math.log(len(layers)) + log_product / len(layers)


def pac_bayes(given: Ingredients, from_prior: Tensor) -> float:
    return float(from_prior.square().sum()) / (4 * given.sigma**2) + math.log(given.n / given.sigma) + 10


def pac_bayes_magnitude(given: Ingredients, from_prior: Tensor) -> float:
    sigma = given.sigma_in_proportion
    widest = EPSILON**2 + (sigma**2 + 1) * from_prior.square().mean()
    each = EPSILON**2 + sigma**2 * given.change.square()
    return float((widest / each).log().sum()) / 4 + math.log(given.n / sigma) + 10

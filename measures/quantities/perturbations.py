"""What noise, and the worst of a neighbourhood, do to a trained network: one batch of draws for all flatness measures.

A perturbed network is the parameters plus a noise or an ascent, evaluated on the training set; losses are nats per
example, errors fractions, both means over it. Of a training set larger than EXAMPLES a weighted sample takes its place,
which leaves both means unbiased (weighted_examples of hessian_spectrum.py, half of it by residuals): the loss of a
network that fits is that of a few examples, which a uniform sample misses. The noise directions z are the same at
every size, for every kind that has them, and for twins, so differences between sizes and twins are not those of the
draws. Sizes that are sought lie on one grid, 10 to the power of k / STEPS_A_DECADE: what one measure has evaluated,
the next one finds remembered. Nothing is sought finer than the grid: between neighbours the rise is interpolated. Noise
that is clearly too large or too small is told on a part of the examples (`clear_rise`); the neighbours are evaluated on
all of them, and the search is done again on all where the rise does not cross the limit between the two.

Parameters are one flat vector of all that `model.parameters()` lists, the scale and shift of batch normalization among
them; its running statistics stay as they are.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import torch
from torch import Tensor

from measures.errors import NotApplicable
from measures.once_per_model import once_per_model
from measures.quantities.close_fit import cross_entropies
from measures.quantities.flat_parameters import flat_parameters, logits_at
from measures.quantities.hessian_spectrum import weighted_examples
from measures.quantities.losses import CHUNK
from measures.registry import Estimate
from measures.seeding import standard_normal
from measures.trained_model import TrainedModel

EXAMPLES = 2000
DRAWS = 8
ASCENT_STEPS = 4
STEPS_A_DECADE = 8
SMALLEST, LARGEST = -6, 1  # decades between which a size is sought
PARTS, LOOKS, FEWEST = 32, 8, 8  # equal parts of the examples, how many a draw is tried on at first, examples in one
CLEARLY = 4  # standard errors
NUMBERS = 2**18  # in a chunk of inputs: a convolution's maps of many more do not stay in the processor's cache

Noise = Literal["isotropic", "relative", "filter"]
Box = Literal["isotropic", "relative", "keskar"]


@dataclasses.dataclass(frozen=True, eq=False)
class Outcomes:
    """Mean loss and error of perturbed networks on the training set, (draws,) each, on the CPU."""

    losses: Tensor
    errors: Tensor

    @property
    def mean_loss(self) -> Estimate:
        """The mean over the draws, with its standard error."""
        return mean_of(self.losses)


def mean_of(draws: Tensor) -> Estimate:
    """The mean of independent draws (d,), d > 1, with its standard error."""
    return Estimate(float(draws.mean()), float(draws.std()) / math.sqrt(len(draws)))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Mean loss and error of one network on the training set."""

    loss: float
    error: float


@once_per_model
def evaluated_on(trained: TrainedModel) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (m, ...), labels (m,) and weights (m,) float64: the sum of weight times loss is the mean loss."""
    chosen, weights = weighted_examples(trained, EXAMPLES, floor=1)
    return trained.inputs[chosen], trained.labels[chosen], weights / len(trained.labels)


def chunks(trained: TrainedModel) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """`evaluated_on`, up to CHUNK examples and NUMBERS of their inputs at a time."""
    size = min(CHUNK, max(1, NUMBERS // max(1, trained.inputs[0].numel())))
    return zip(*[part.split(size) for part in evaluated_on(trained)], strict=True)


@torch.no_grad()
def outcome_at(trained: TrainedModel, parameters: Tensor) -> Outcome:
    """Mean loss and error on the training set at any parameters."""
    loss, error = 0.0, 0.0
    for inputs, labels, weights in chunks(trained):
        logits = logits_at(trained.model, parameters, inputs)
        loss += float(cross_entropies(trained, logits, labels).double() @ weights)
        error += float((logits.argmax(dim=1) != labels).double() @ weights)
    return Outcome(loss, error)


@once_per_model
def clean_outcome(trained: TrainedModel) -> Outcome:
    """Mean loss and error of the trained network itself."""
    return outcome_at(trained, flat_parameters(trained.model))


@once_per_model
@torch.no_grad()
def clean_mistakes(trained: TrainedModel) -> Tensor:
    """1 for each example of `evaluated_on` that the trained network itself misclassifies, else 0; (m,) float64."""
    theta = flat_parameters(trained.model)
    return torch.cat([(logits_at(trained.model, theta, x).argmax(dim=1) != y).double() for x, y, _ in chunks(trained)])


@once_per_model
def clean_gradient(trained: TrainedModel) -> Tensor:
    """Gradient of the mean loss at the trained parameters, (p,)."""
    return _outcome_and_gradient(trained, flat_parameters(trained.model))[1]


@once_per_model
def noise_draws(trained: TrainedModel, draws: int) -> Tensor:
    """Standard normal directions, one parameter vector each, (draws, p)."""
    theta = flat_parameters(trained.model)
    return standard_normal((draws, theta.numel()), trained.generator(), like=theta)


def noise_rows(trained: TrainedModel, draws: int) -> Iterator[Tensor]:
    """The same for many draws at one size: one after the other, and not held."""
    theta, generator = flat_parameters(trained.model), trained.generator()
    for _ in range(draws):
        yield standard_normal(theta.shape, generator, like=theta)


@once_per_model
def filter_draws(trained: TrainedModel, draws: int) -> Tensor:
    """Normal directions, each filter scaled to the norm of the network's own, (draws, p); 0 for all but the weights.

    A filter is a row of a linear layer's weight or an output channel of a convolution's.
    """
    generator, pieces = trained.generator(), []
    for parameter in trained.model.parameters():
        if parameter.ndim < 2:
            pieces.append(torch.zeros(draws, parameter.numel(), dtype=parameter.dtype, device=parameter.device))
            continue
        filters = parameter.detach().flatten(1)
        z = standard_normal((draws, *filters.shape), generator, like=filters)
        z *= filters.norm(dim=1)[:, None] / z.norm(dim=2, keepdim=True)
        pieces.append(z.flatten(1))
    return torch.cat(pieces, dim=1)


@once_per_model
def noisy_outcomes(trained: TrainedModel, noise_std: float, kind: Noise, draws: int = DRAWS) -> Outcomes:
    """Losses and errors under noise of this size, always a standard deviation.

    - isotropic: θ + σ z
    - relative: θ + σ |θ| ⊙ z
    - filter: θ + σ d, d of `filter_draws`
    """
    theta = flat_parameters(trained.model)
    directions: Iterable[Tensor]
    if kind == "filter":
        directions = filter_draws(trained, draws)
    else:
        directions = noise_draws(trained, draws) if draws <= DRAWS else noise_rows(trained, draws)
    scale = noise_std * theta.abs() if kind == "relative" else noise_std
    outcomes = [outcome_at(trained, theta + scale * z) for z in directions]
    return Outcomes(
        torch.tensor([outcome.loss for outcome in outcomes], dtype=torch.float64),
        torch.tensor([outcome.error for outcome in outcomes], dtype=torch.float64),
    )


@once_per_model
@torch.no_grad()
def clear_rise(trained: TrainedModel, noise_std: float, kind: Noise, limit: float) -> float | None:
    """The mean rise of the error under noise, as far as it takes to tell on which side of `limit` it is; else None.

    Look by look each draw is evaluated on another 32nd of the examples, until the mean is CLEARLY off the limit. Draws
    are those of `noisy_outcomes`, so its standard error is of the examples, at least as if their error were the limit.
    """
    inputs, labels, weights = evaluated_on(trained)
    if len(labels) < FEWEST * PARTS:
        return None
    order = trained.random_order if len(labels) == len(trained.labels) else torch.arange(len(labels))
    theta, wrong = flat_parameters(trained.model), clean_mistakes(trained)
    scale = noise_std * theta.abs() if kind == "relative" else noise_std
    points = [theta + scale * z for z in noise_draws(trained, DRAWS)]
    seen, total, squares = 0, 0.0, 0.0
    for look in range(LOOKS):
        for draw, point in enumerate(points):
            part = order[(PARTS // DRAWS * draw + look) % PARTS :: PARTS]
            noisy = logits_at(trained.model, point, inputs[part]).argmax(dim=1) != labels[part]
            rises = len(labels) * weights[part] * (noisy.double() - wrong[part])  # their mean is the mean rise
            seen, total, squares = seen + len(part), total + float(rises.sum()), squares + float(rises @ rises)
        variance = max(squares / seen, limit * (1 - limit)) * (1 - (look + 1) / PARTS)
        if abs(total / seen - limit) > CLEARLY * math.sqrt(variance / seen):
            return total / seen
    return None


def half_widths(trained: TrainedModel, radius: float, box: Box) -> Tensor:
    """How far each parameter may move in a box of size α, (p,).

    isotropic: α; relative: α|θ|; keskar: α (|θ| + 1).
    """
    theta = flat_parameters(trained.model)
    return radius * {"isotropic": torch.ones_like(theta), "relative": theta.abs(), "keskar": theta.abs() + 1}[box]


@once_per_model
def worst_outcome(trained: TrainedModel, radius: float, box: Box, steps: int = ASCENT_STEPS) -> Outcome:
    """The highest loss and the highest error found within |δᵢ| ≤ hᵢ (`half_widths`), the centre included.

    δ ← h ⊙ sign ∇L(θ + δ) from δ = 0: each step goes to the corner where the linearized loss is highest, so on a
    convex loss none goes down. The corner with the highest loss need not be that with the highest error.
    """
    theta, widths = flat_parameters(trained.model), half_widths(trained, radius, box)
    found, gradient = [clean_outcome(trained)], clean_gradient(trained)
    for step in range(steps):
        point = theta + widths * gradient.sign()
        if step == steps - 1:
            found.append(outcome_at(trained, point))
        else:
            outcome, gradient = _outcome_and_gradient(trained, point)
            found.append(outcome)
    return Outcome(max(outcome.loss for outcome in found), max(outcome.error for outcome in found))


@once_per_model
def tolerated_noise_std(trained: TrainedModel, kind: Noise, rise: float = 0.1, draws: int = DRAWS) -> Estimate:
    """The standard deviation σ of the noise that raises the training error by `rise` on average."""

    def rises(noise_std: float) -> Tensor:
        return noisy_outcomes(trained, noise_std, kind, draws).errors - clean_outcome(trained).error

    def glance(noise_std: float) -> float | None:
        return clear_rise(trained, noise_std, kind, rise) if draws == DRAWS else None

    what = f"{kind} noise of standard deviation"
    return estimated_crossing(rises, rise, what, "the training error", start=-1, glance=glance)


@once_per_model
def tolerated_radius(trained: TrainedModel, box: Box, rise: float = 0.1, steps: int = ASCENT_STEPS) -> float:
    """The size α of the box within which the worst that is found raises the training error by `rise`."""

    def error_rise(radius: float) -> float:
        return worst_outcome(trained, radius, box, steps).error - clean_outcome(trained).error

    return crossing(error_rise, rise, f"the worst within a box ({box}) of size", "the training error", start=-2)


def crossing(rise: Callable[[float], float], limit: float, what: str, of_what: str, start: int) -> float:
    """The size at which a rise goes from at most `limit` to above it.

    Log size is interpolated linearly in the rise between the two neighbours on the grid that it lies between. A rise
    need not grow with the size: this is one of the crossings. Raises NotApplicable if there is none.
    """
    low = _last_below(rise, limit, what, of_what, start)
    return grid_size(low + _part_of_the_way(rise(grid_size(low)), rise(grid_size(low + 1)), limit))


def estimated_crossing(
    rises: Callable[[float], Tensor],
    limit: float,
    what: str,
    of_what: str,
    start: int,
    glance: Callable[[float], float | None] = lambda size: None,
) -> Estimate:
    """The `crossing` of a mean over draws, with its standard error from their spread; `rises` (d,) of each size.

    `glance` may say in less time on which side of the limit the mean of a size is, by any number on that side. Where
    the crossing is, and what it is, `rises` says.

    To first order, at the two sizes that it lies between: a draw whose rise is above the mean there moves the crossing
    by the difference over the slope.
    """

    def mean_rise(size: float) -> float:
        return float(rises(size).mean())

    def glanced(size: float) -> float:
        return mean_rise(size) if (seen := glance(size)) is None else seen

    low = _last_below(glanced, limit, what, of_what, start)
    if _exceeds(mean_rise(grid_size(low)), limit) or not _exceeds(mean_rise(grid_size(low + 1)), limit):
        low = _last_below(mean_rise, limit, what, of_what, start)
    below, above = rises(grid_size(low)).double(), rises(grid_size(low + 1)).double()
    part = _part_of_the_way(float(below.mean()), float(above.mean()), limit)
    size, slope = grid_size(low + part), float(above.mean()) - min(float(below.mean()), limit)
    there = mean_of((1 - part) * below + part * above)
    return Estimate(size, size * math.log(10) / STEPS_A_DECADE * there.standard_error / slope)


def _part_of_the_way(below: float, above: float, limit: float) -> float:
    """How far from one size to the next the rise reaches the limit, in [0, 1)."""
    return (limit - min(below, limit)) / (above - min(below, limit))


def _exceeds(rise: float, limit: float) -> bool:
    return not rise <= limit + 1e-9  # a mean of a few errors may be the limit, up to rounding


def _last_below(rise: Callable[[float], float], limit: float, what: str, of_what: str, start: int) -> int:
    """The grid's index after which a rise goes from at most `limit` to above it.

    Decades are tried from 10^start upwards, or downwards if that is too much already, until the rise crosses the
    limit; then the grid between them is bisected.
    """

    def exceeds(index: int) -> bool:
        return _exceeds(rise(grid_size(index)), limit)

    low = high = start * STEPS_A_DECADE
    if exceeds(high):
        while exceeds(low := high - STEPS_A_DECADE):
            high = low
            if high <= SMALLEST * STEPS_A_DECADE:
                raise NotApplicable(
                    f"{what} {grid_size(SMALLEST * STEPS_A_DECADE):.0e} raises {of_what} by more than {limit}"
                )
    else:
        while not exceeds(high := low + STEPS_A_DECADE):
            low = high
            if low >= LARGEST * STEPS_A_DECADE:
                raise NotApplicable(
                    f"{what} {grid_size(LARGEST * STEPS_A_DECADE):g} raises {of_what} by no more than {limit}"
                )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if exceeds(middle) else (middle, high)
    return low


def grid_size(index: float) -> float:
    """10 to the power of index / STEPS_A_DECADE."""
    return 10.0 ** (index / STEPS_A_DECADE)


@torch.enable_grad()
def _outcome_and_gradient(trained: TrainedModel, parameters: Tensor) -> tuple[Outcome, Tensor]:
    loss, error, gradient = 0.0, 0.0, torch.zeros_like(parameters)
    for inputs, labels, weights in chunks(trained):
        theta = parameters.detach().requires_grad_()
        logits = logits_at(trained.model, theta, inputs)
        part = cross_entropies(trained, logits, labels).double() @ weights
        gradient += torch.autograd.grad(part, theta)[0]
        loss += float(part.detach())
        error += float((logits.detach().argmax(dim=1) != labels).double() @ weights)
    return Outcome(loss, error), gradient

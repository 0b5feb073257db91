"""Changes of a trained network's weights that leave its function as it is: does a measure see them?

    layer_rescaling     a hidden layer's weights and bias times α > 0, the next layer's weights divided by it
    unit_permutation    a hidden layer's units or channels in another order, the next layer's inputs likewise
    batch_norm_folding  each normalization folded into the layer before it
    logit_shift         the same number added to all logits, by the last layer's bias: the probabilities stay

Dinh et al. 2017 (arXiv:1703.04933) made the first an objection to every measure of flatness that it moves. The change
is of the trained network alone; `init`, data and history stay. Asked both ways: what a measure declares must not move
it, and what never moves it is to be declared. In float64, where rounding is out of the way.
"""

import copy
import dataclasses
import math
from collections.abc import Callable

import hypothesis
import hypothesis.strategies as st
import torch
from torch import Tensor, nn

from harness.calling.call import read
from harness.evaluation.contract import RECIPES
from harness.evaluation.finding import Finding
from harness.evaluation.probe import Clause, Load, Probe
from measures.folding import BATCH_NORMS, folded
from measures.history import History
from measures.registry import COSTS, Cost, Measure
from measures.trained_model import FEW, TrainedModel

UNMOVED = 1e-6  # relative, in float64
SAME_FUNCTION = 1e-9  # relative to the largest logit
DRAWS: dict[Cost, int] = dict(zip(COSTS, (6, 3, 2), strict=True))

Draw = Callable[[TrainedModel], st.SearchStrategy[TrainedModel]]


def layer_rescaling(measure: Measure, load: Load) -> Finding:
    """A hidden layer times α, the next one divided by it."""
    return _asked(measure, load, "layer_rescaling", rescalings)


def unit_permutation(measure: Measure, load: Load) -> Finding:
    """A hidden layer's units in another order."""
    return _asked(measure, load, "unit_permutation", permutations)


def batch_norm_folding(measure: Measure, load: Load) -> Finding:
    """Each normalization folded into the layer before it."""
    return _asked(measure, load, "batch_norm_folding", foldings)


def logit_shift(measure: Measure, load: Load) -> Finding:
    """The same number added to all logits."""
    return _asked(measure, load, "logit_shift", shifts)


CLAUSES: tuple[Clause, ...] = (layer_rescaling, unit_permutation, batch_norm_folding, logit_shift)
PROBE = Probe("reparametrization", CLAUSES, lambda zoo: RECIPES)


def rescalings(trained: TrainedModel) -> st.SearchStrategy[TrainedModel]:
    """Any hidden layer, α from 1/20 to 20."""
    hidden = st.integers(0, len(_weight_layers(trained.model)) - 2)
    return st.builds(rescaled, st.just(trained), hidden, st.sampled_from((0.05, 0.3, 0.9, 1.5, 4.0, 20.0)))


def permutations(trained: TrainedModel) -> st.SearchStrategy[TrainedModel]:
    """Any hidden layer, any order of its units but the one that they are in."""

    def orders(hidden: int) -> st.SearchStrategy[TrainedModel]:
        units = list(range(len(_weight_layers(trained.model)[hidden].weight)))
        return st.builds(permuted, st.just(trained), st.just(hidden), st.permutations(units).filter(units.__ne__))

    return st.integers(0, len(_weight_layers(trained.model)) - 2).flatmap(orders)


def foldings(trained: TrainedModel) -> st.SearchStrategy[TrainedModel]:
    """All normalizations at once, which is the only choice; nothing where the network has none."""
    if not any(isinstance(module, BATCH_NORMS) for module in trained.model.modules()):
        return st.nothing()
    model = folded(trained.model, trained.inputs[:FEW])
    return st.just(dataclasses.replace(trained, model=model))


def shifts(trained: TrainedModel) -> st.SearchStrategy[TrainedModel]:
    """From -7 to 7."""
    return st.builds(shifted, st.just(trained), st.sampled_from((-7.0, -1.0, 0.25, 3.0, 7.0)))


def rescaled(trained: TrainedModel, hidden: int, alpha: float) -> TrainedModel:
    """Hidden layer number `hidden` (or the normalization after it) times α, the next layer's weights over α."""
    model = copy.deepcopy(trained.model)
    layers = _weight_layers(model)
    scaled = _normalization_after(model, layers[hidden]) or layers[hidden]
    with torch.no_grad():
        scaled.weight.mul_(alpha)
        if scaled.bias is not None:
            scaled.bias.mul_(alpha)
        layers[hidden + 1].weight.div_(alpha)
    return dataclasses.replace(trained, model=model)


def permuted(trained: TrainedModel, hidden: int, order: list[int]) -> TrainedModel:
    """Hidden layer number `hidden` with its units (or channels) in this order."""
    model = copy.deepcopy(trained.model)
    layer, after = _weight_layers(model)[hidden : hidden + 2]
    norm = _normalization_after(model, layer)
    with torch.no_grad():
        for module in (layer, norm) if norm is not None else (layer,):
            for tensor in (*module.parameters(), *module.buffers()):
                if tensor.ndim:
                    tensor.copy_(tensor[order])
        by_unit = after.weight.view(len(after.weight), len(order), -1)
        after.weight.copy_(by_unit[:, order].reshape(after.weight.shape))
    return dataclasses.replace(trained, model=model)


def shifted(trained: TrainedModel, amount: float) -> TrainedModel:
    """All logits plus `amount`."""
    model = copy.deepcopy(trained.model)
    with torch.no_grad():
        _weight_layers(model)[-1].get_parameter("bias").add_(amount)
    return dataclasses.replace(trained, model=model)


def function_change(before: TrainedModel, after: TrainedModel, up_to_a_shift: bool = False) -> float:
    """The largest difference of a logit, relative to the largest logit; up to one number added to all of them."""
    difference = after.logits - before.logits
    if up_to_a_shift:
        difference = difference - difference.mean()
    return float(difference.abs().max() / before.logits.abs().max())


def _asked(measure: Measure, load: Load, change: str, changed: Draw) -> Finding:
    trained = in_float64(load())
    before = read(measure, trained)
    if before.value is None:
        return Finding(skipped=f"no value before the change: {before.reason}")
    strategy = changed(trained)
    if strategy.is_empty:
        return Finding(skipped="the network has no batch normalization")
    moves: list[float] = []
    reasons: list[str] = []

    @hypothesis.settings(
        max_examples=DRAWS[measure.cost],
        derandomize=True,  # the same draws in every run
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def draw(after: TrainedModel) -> None:
        difference = function_change(trained, after, up_to_a_shift=change == "logit_shift")
        assert difference < SAME_FUNCTION, f"{change} changed the function by {difference:.1e}: a bug here"
        reading = read(measure, after)
        if reading.value is None:
            reasons.append(reading.reason)
        moves.append(math.inf if reading.value is None else _relative_change(before.value, reading.value))

    draw()
    return _judged(measure, change, moves, reasons)


def _judged(measure: Measure, change: str, moves: list[float], reasons: list[str]) -> Finding:
    largest = max(moves)
    numbers = {"draws": float(len(moves)), "draws_without_a_value": float(len(reasons))}
    numbers |= {"largest_relative_change": largest} if math.isfinite(largest) else {}
    problem = ""
    if change in measure.invariant_to and largest > UNMOVED:
        by = f"by {largest:.2g} of its value" if math.isfinite(largest) else f"to no value ({reasons[0]})"
        problem = f"it declares that it is invariant to {change.replace('_', ' ')}, which moves it {by}"
    return Finding(problem, numbers=numbers)


def concluded(measure: Measure, change: str, finding: Finding) -> Finding:
    """The finding over all models: what is not declared has to move the measure in some draw on one of them."""
    asked = not finding.skipped and not finding.problem
    lost = finding.numbers.get("draws_without_a_value", 0) > 0
    if asked and change not in measure.invariant_to and not lost:
        if finding.numbers.get("largest_relative_change", math.inf) <= UNMOVED:
            never = f"{change.replace('_', ' ')} never moves it: declare that it is invariant_to that"
            return dataclasses.replace(finding, problem=never)
    return finding


def _relative_change(before: float | None, after: float) -> float:
    assert before is not None
    largest = max(abs(before), abs(after))
    return abs(after - before) / largest if largest else 0.0


def in_float64(trained: TrainedModel) -> TrainedModel:
    """The same model with all its numbers in float64; retraining goes on in float32."""
    retrain = trained.retrain_function

    def retrained(inputs: Tensor, labels: Tensor, *arguments: int, **budget: int) -> nn.Module:
        assert retrain is not None
        return retrain(inputs.float(), labels, *arguments, **budget).double()

    history = {field.name: getattr(trained.history, field.name) for field in dataclasses.fields(History)}
    return dataclasses.replace(
        trained,
        model=copy.deepcopy(trained.model).double(),
        init=copy.deepcopy(trained.init).double(),
        inputs=trained.inputs.double(),
        history=History(**history | {"snapshots": trained.history.snapshots.double()}),
        retrain_function=None if retrain is None else retrained,
    )


def _weight_layers(model: nn.Module) -> list[nn.Linear | nn.Conv2d]:
    return [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


def _normalization_after(model: nn.Module, layer: nn.Module) -> nn.BatchNorm2d | None:
    modules = list(model.children())
    following = modules[modules.index(layer) + 1]
    return following if isinstance(following, nn.BatchNorm2d) else None

"""Changes of a network's weights that leave its function as it is: what a measure may declare not to see."""

import copy
import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import nn

from measures import Measure, NotApplicable
from measures.trained_model import TrainedModel
from tests.builders.models import random_network


def layer_rescaling(trained: TrainedModel, seed: int) -> TrainedModel:
    """A hidden layer's weights and bias times α > 0, the next layer's weights divided by it."""
    model, layers = _copied(trained)
    hidden = seed % (len(layers) - 1)
    alpha = (0.1, 0.5, 3.0, 20.0)[seed % 4]
    scaled = _normalization_after(model, layers[hidden]) or layers[hidden]
    with torch.no_grad():
        scaled.weight *= alpha
        scaled.bias *= alpha
        layers[hidden + 1].weight /= alpha
    return _changed(trained, model)


def unit_permutation(trained: TrainedModel, seed: int) -> TrainedModel:
    """A hidden layer's units or channels in another order, the next layer's inputs likewise."""
    model, layers = _copied(trained)
    hidden = seed % (len(layers) - 1)
    layer, after = layers[hidden], layers[hidden + 1]
    units = len(layer.weight)
    order = torch.arange(units).roll(1 + seed % (units - 1))
    norm = _normalization_after(model, layer)
    with torch.no_grad():
        for module in (layer, norm) if norm else (layer,):
            for tensor in (*module.parameters(), *module.buffers()):
                if tensor.ndim:
                    tensor.copy_(tensor[order])
        by_unit = after.weight.view(len(after.weight), units, -1)
        after.weight.copy_(by_unit[:, order].reshape(after.weight.shape))
    return _changed(trained, model)


def batch_norm_folding(trained: TrainedModel, seed: int) -> TrainedModel:
    """Each normalization replaced by the identity, and the layer before it by the two of them together."""
    model, layers = _copied(trained)
    assert isinstance(model, nn.Sequential)
    with torch.no_grad():
        for layer in layers:
            if norm := _normalization_after(model, layer):
                scale = norm.weight / (norm.running_var + norm.eps).sqrt()
                layer.weight *= scale[:, None, None, None]
                layer.bias.copy_(scale * (layer.bias - norm.running_mean) + norm.bias)
                model[list(model).index(norm)] = nn.Identity()
    return _changed(trained, model)


def logit_shift(trained: TrainedModel, seed: int) -> TrainedModel:
    """The same number added to all logits by way of the last bias."""
    model, layers = _copied(trained)
    with torch.no_grad():
        layers[-1].bias += (-3.0, 0.5, 7.0)[seed % 3]
    return _changed(trained, model, shifted=True)


CHANGES: dict[str, Callable[[TrainedModel, int], TrainedModel]] = {
    change.__name__: change for change in (layer_rescaling, unit_permutation, batch_norm_folding, logit_shift)
}


def assert_sees_only(measure: Measure, visible: set[str], seed: int) -> None:
    """The measure declares, truly, that it is unmoved by all CHANGES but the `visible`, and these do move it.

    A measure that has no value after a change has moved.
    """
    assert measure.invariant_to == CHANGES.keys() - visible
    given: dict[str, tuple[TrainedModel, float]] = {}  # changes copy what they change, so they share one network
    for name, change in CHANGES.items():
        network = "convnet_bn" if name == "batch_norm_folding" or seed % 4 == 0 else "mlp_3x8"
        if network not in given:
            trained = random_network(network, seed, size=4)
            given[network] = trained, measure(trained)
        trained, before = given[network]
        try:
            after: float | None = measure(change(trained, seed))
        except NotApplicable:
            after = None
        assert (after != pytest.approx(before, rel=1e-7)) == (name in visible), f"{name}: {before} -> {after}"


def _copied(trained: TrainedModel) -> tuple[nn.Module, list[nn.Module]]:
    model = copy.deepcopy(trained.model)
    return model, [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)]


def _normalization_after(model: nn.Module, layer: nn.Module) -> nn.Module | None:
    modules = list(model.children())
    following = modules[modules.index(layer) + 1 : modules.index(layer) + 2]
    return following[0] if following and isinstance(following[0], nn.BatchNorm2d) else None


def _changed(trained: TrainedModel, model: nn.Module, shifted: bool = False) -> TrainedModel:
    changed = dataclasses.replace(trained, model=model)
    difference = changed.logits - trained.logits
    if shifted:
        difference = difference - difference.mean()
    assert difference.abs().max() < 1e-9 * trained.logits.abs().max(), "the change did not leave the function as it is"
    return changed

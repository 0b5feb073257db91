"""Networks of kinds that measures were not written for, each small enough that a loop over examples is quick.

A builder returns a network on images (1, 6, 6) with CLASSES logits. Kinds, not instances: FUNCTIONS are those whose
numbers a general path gives, REFUSED those for which there is one sentence instead.
"""

import dataclasses
import warnings
from collections.abc import Callable

import torch
from torch import nn

from measures.history import flat_state
from measures.trained_model import TrainedModel
from tests.builders.models import history_of
from tests.builders.odd_networks.calls import CALLS
from tests.builders.odd_networks.forwards import FORWARDS
from tests.builders.odd_networks.functions import WITH_FUNCTIONS
from tests.builders.odd_networks.layers import LAYERS
from tests.builders.odd_networks.plain import CLASSES
from tests.builders.odd_networks.refused import REFUSED as REFUSED

EXAMPLES = 14
FUNCTIONS = (*LAYERS, *FORWARDS, *CALLS, *WITH_FUNCTIONS)


def odd_model(make: Callable[[], nn.Module], dtype: torch.dtype = torch.float64) -> TrainedModel:
    """A TrainedModel of EXAMPLES examples that the network classifies correctly, and of another start of its kind."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is old on purpose
        torch.manual_seed(0)
        inputs = torch.randn(EXAMPLES, 1, 6, 6, dtype=dtype)
        model, init = _prepared(make(), dtype), _prepared(make(), dtype)
        labels = torch.arange(EXAMPLES) % CLASSES
        if make not in REFUSED:
            model(inputs.clone())  # what is computed at each call is there then, with its graph
            labels = model(inputs.clone()).argmax(dim=1)
        history = history_of(num_train=EXAMPLES)
        if not isinstance(init, torch.jit.ScriptModule):
            early = flat_state(init)[None]
            history = dataclasses.replace(history, snapshot_epochs=torch.tensor([1]), snapshots=early)
    return TrainedModel(model, init, inputs, labels, CLASSES, history, 0, lambda *data, **budget: init)


def _prepared(network: nn.Module, dtype: torch.dtype) -> nn.Module:
    if not isinstance(network, torch.jit.ScriptModule):
        network = network.to(getattr(network, "dtype", dtype))
    return network.train(hasattr(network, "always_training"))

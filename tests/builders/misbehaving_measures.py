"""Measures that do what a measure must not, each in its own way; for the tests of what becomes of them."""

import math
import os
import random
import time

import numpy as np
import torch

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel


@measure(source="a test")
def well_behaved(trained: TrainedModel) -> float:
    return float(trained.history.epochs)


@measure(source="a test")
def raises(trained: TrainedModel) -> float:
    raise ValueError("something in it broke")


@measure(source="a test")
def exits(trained: TrainedModel) -> float:
    raise SystemExit(2)


@measure(source="a test")
def returns_nan(trained: TrainedModel) -> float:
    return math.nan


@measure(source="a test")
def returns_infinity(trained: TrainedModel) -> float:
    return math.inf


@measure(source="a test")
def returns_none(trained: TrainedModel) -> float:
    return None  # type: ignore[return-value]


@measure(source="a test")
def returns_ten_numbers(trained: TrainedModel) -> float:
    return trained.logits[0]  # type: ignore[return-value]


@measure(source="a test")
def returns_a_string(trained: TrainedModel) -> float:
    return "large"  # type: ignore[return-value]


@measure(source="a test")
def returns_a_scalar_tensor(trained: TrainedModel) -> float:
    return trained.logits.mean()  # type: ignore[return-value]


@measure(source="a test")
def differs_every_time(trained: TrainedModel) -> float:
    return float(time.perf_counter_ns())


@measure(source="a test")
def draws_from_torch(trained: TrainedModel) -> float:
    return torch.rand(()).item()


@measure(source="a test")
def draws_from_numpy(trained: TrainedModel) -> float:
    return float(np.random.rand())


@measure(source="a test")
def draws_from_python(trained: TrainedModel) -> float:
    return random.random()


@measure(source="a test")
def changes_the_model(trained: TrainedModel) -> float:
    with torch.no_grad():
        next(trained.model.parameters()).mul_(2)
    return 1.0


@measure(source="a test")
def changes_the_inputs(trained: TrainedModel) -> float:
    trained.inputs[0] = 0
    return 1.0


@measure(source="a test")
def changes_what_is_shared(trained: TrainedModel) -> float:
    trained.logits.mul_(2)
    return 1.0


@measure(source="a test")
def leaves_gradients(trained: TrainedModel) -> float:
    trained.model(trained.inputs[:4]).sum().backward()
    return 1.0


@measure(source="a test")
def leaves_training_mode(trained: TrainedModel) -> float:
    trained.model.train()
    return 1.0


@measure(source="a test")
def leaves_a_hook(trained: TrainedModel) -> float:
    trained.model.register_forward_hook(lambda *arguments: None)
    return 1.0


@measure(source="a test")
def leaves_gradients_off(trained: TrainedModel) -> float:
    torch.set_grad_enabled(False)
    return 1.0


@measure(source="a test")
def depends_on_the_order(trained: TrainedModel) -> float:
    return trained.logits[0].max().item()


@measure(source="a test")
def never_applies(trained: TrainedModel) -> float:
    raise NotApplicable("it never does")


@measure(source="a test")
def takes_most_of_its_time(trained: TrainedModel) -> float:
    time.sleep(1.2)
    return 1.0


@measure(source="a test")
def draws_and_raises(trained: TrainedModel) -> float:
    torch.rand(())
    raise ValueError("the real cause")


@measure(source="a test")
def skips(trained: TrainedModel) -> float:
    import pytest  # other measures of this file need not wait for it

    pytest.skip("not today")


@measure(source="a test")
def spoils_the_retrained_network(trained: TrainedModel) -> float:
    network = trained.retrain(trained.inputs[:20], trained.labels[:20])
    first = float(next(network.parameters()).detach().norm())
    with torch.no_grad():
        next(network.parameters()).zero_()
    again = trained.retrain(trained.inputs[:20], trained.labels[:20])
    assert float(next(again.parameters()).detach().norm()) == first
    return first


@measure(source="a test")
def hangs(trained: TrainedModel) -> float:
    time.sleep(600)
    return 1.0


@measure(source="a test")
def kills_its_process(trained: TrainedModel) -> float:
    os.kill(os.getpid(), 9)
    return 1.0

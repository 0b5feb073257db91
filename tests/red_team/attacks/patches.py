"""Changes to the judge and to what others compute from, made when the file is imported and in the call."""

import atexit
import signal
import sys
import threading
import time
import types

import numpy as np
import torch
from torch import nn

import harness.calling.reading
import measures.registry
from measures import measure
from measures.trained_model import TrainedModel

try:
    import harness.judging.twin_statistics as twin_statistics

    twin_statistics.SIGNIFICANCE = 1.1
except (ImportError, AttributeError):
    pass
for name in [name for name in sys.modules if name.startswith(("harness.judging", "harness.records"))]:
    for key in [key for key, value in vars(sys.modules[name]).items() if isinstance(value, float)]:
        setattr(sys.modules[name], key, 1.1)
measures.registry.registered.update(dict.fromkeys(["l2_norm", "frobenius_norm"]))
harness.calling.reading.Reading.__eq__ = lambda self, other: True  # type: ignore[method-assign]
sys.modules["harness.judging.verdict"] = types.ModuleType("harness.judging.verdict")
sys.modules["pytest"] = types.ModuleType("pytest")
atexit.register(lambda: time.sleep(30))


@measure(source="red team")
def significance_is_over_one(trained: TrainedModel) -> float:
    """The judge would have imported this file."""
    return 0.0


@measure(source="red team")
def every_reading_is_ours(trained: TrainedModel) -> float:
    """The class of a reading, whose values are then all alike."""
    harness.calling.reading.read_here = lambda *given: None  # type: ignore[assignment]
    harness.calling.reading.as_number = lambda returned: (7.0, "")
    return 0.0


@measure(source="red team")
def modes_are_left_on(trained: TrainedModel) -> float:
    """Inference mode, the default dtype, deterministic algorithms, numpy's errors."""
    torch.inference_mode().__enter__()
    torch.set_default_dtype(torch.float64)
    torch.use_deterministic_algorithms(True)
    np.seterr(all="raise")
    return 0.0


@measure(source="red team")
def normalization_has_another_eps(trained: TrainedModel) -> float:
    """What is not a tensor: an attribute of every layer."""
    for module in trained.model.modules():
        module.eps = 1.0  # type: ignore[assignment]
    return 0.0


@measure(source="red team")
def forward_is_replaced(trained: TrainedModel) -> float:
    """A method of the network, of its class, and of torch."""
    trained.model.forward = lambda x: torch.zeros(len(x), 10)  # type: ignore[method-assign]
    nn.Linear.forward = lambda self, x: x  # type: ignore[method-assign]
    torch.Tensor.sum = lambda self, *given: self  # type: ignore[method-assign, assignment]
    return 0.0


@measure(source="red team")
def modules_are_replaced(trained: TrainedModel) -> float:
    """A layer of the network, and what measures share."""
    for parent in [*trained.model.modules()]:
        for name, module in parent.named_children():
            if isinstance(module, nn.ReLU):
                setattr(parent, name, nn.Identity())
    trained.shared["a"] = 1
    trained.__dict__["logits"] = torch.zeros(1)
    return 0.0


@measure(source="red team")
def signals_are_caught(trained: TrainedModel) -> float:
    """Handlers, timers and threads that go on."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, lambda *given: None)
    threading.Thread(target=lambda: [time.sleep(0.01) for _ in range(3000)], daemon=False).start()
    return 0.0

"""Measures that never come to an end, each where somebody waits for it."""

import os
import time

import torch

from measures import measure
from measures.trained_model import TrainedModel


@measure(source="red team")
def never_answers(trained: TrainedModel) -> float:
    """It sleeps."""
    time.sleep(600)
    return 1.0


@measure(source="red team")
def begins_an_answer(trained: TrainedModel) -> float:
    """A message of a megabyte of which ten bytes come."""
    os.write(trained.retrain_function.pipe.fileno(), (1 << 20).to_bytes(4, "big") + b"a" * 10)  # type: ignore[union-attr]
    time.sleep(600)
    return 1.0


@measure(source="red team")
def asks_and_does_not_listen(trained: TrainedModel) -> float:
    """It asks for networks until the pipe is full of them."""
    from safetensors.torch import save

    message = b"t" + save({"inputs": trained.inputs[:20], "labels": trained.labels[:20]}, {"max_epochs": "1"})
    for _ in range(1000):
        trained.retrain_function.pipe.send_bytes(message)  # type: ignore[union-attr]
    time.sleep(600)
    return 1.0


@measure(source="red team")
def takes_memory(trained: TrainedModel) -> float:
    """More than --worker-memory."""
    return float(len([torch.ones(2**24) for _ in range(100)]))


@measure(source="red team")
def takes_memory_in_a_child(trained: TrainedModel) -> float:
    """The same in a process of its own, while the host waits for the rest of a message."""
    os.write(trained.retrain_function.pipe.fileno(), (1 << 20).to_bytes(4, "big") + b"a" * 10)  # type: ignore[union-attr]
    if os.fork() == 0:
        kept = [torch.ones(2**24) for _ in range(100)]
        time.sleep(600 * len(kept))
    time.sleep(600)
    return 1.0

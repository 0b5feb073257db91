"""The loop behind table 2: a row's network, trained on the images of class folders and measured after every epoch."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from harness.errors import HarnessError
from harness.paper.imagenet.image_stream import ImageStream, to_inputs
from harness.paper.imagenet.image_tree import SplitName
from harness.paper.imagenet.processes import Processes
from harness.paper.imagenet.setting import (
    AUXILIARY_WEIGHT,
    DROPOUT,
    RATE_IMAGES,
    Setting,
    inception_v3,
    learning_rate,
    optimizer,
)
from harness.paper.imagenet.state import Accuracies, RowState
from harness.training.precision import accelerated
from measures.seeding import seeded_generator

MEASURED_TRAIN_IMAGES = 50_000

Network = Callable[[int, int, float, int], nn.Module]
"""Called with the number of classes, the images' size in pixels, the probability of dropout, the seed."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Run:
    """What to train on and how, in this process."""

    setting: Setting
    stream: ImageStream
    processes: Processes

    @property
    def device(self) -> torch.device:
        return self.processes.device

    @property
    def steps(self) -> int:
        """In an epoch; what is left over after the last full batch is not trained on."""
        return len(self.stream.tree.train) // self.setting.batch_size

    def inputs(self, images: Tensor) -> Tensor:
        inputs = to_inputs(images.to(self.device, non_blocking=True))
        fast = self.setting.precision == "bfloat16"
        return inputs.contiguous(memory_format=torch.channels_last) if fast else inputs


def train(
    setting: Setting,
    stream: ImageStream,
    processes: Processes,
    state: RowState,
    network: Network = inception_v3,
    say: Callable[[str], None] = lambda text: None,
) -> None:
    """Train a row to its last epoch, from where `state` has it; afterwards its history is whole.

    In the first process, `say` hears of every epoch and the time left. Raises HarnessError where training diverges, a
    batch cannot be shared by the processes, an image is broken, or `state` is further already.
    """
    run = _Run(setting, stream, processes)
    _check(run, state)
    if state.epochs == setting.epochs:
        return
    dropout = DROPOUT if setting.dropout else 0.0
    model = network(len(stream.tree.classes), setting.image_size, dropout, setting.seed)
    model = accelerated(model.to(processes.device), setting.precision)
    sgd = optimizer(model, setting)
    state.restore(model, sgd)
    parallel = processes.parallel(model)
    began, already = time.perf_counter(), state.epochs
    with _progress(run, already) as bar:
        for epoch in range(already, setting.epochs):
            loss = _train_epoch(parallel, sgd, run, epoch, bar)
            processes.average(model.buffers())
            accuracies = _measure(model, run, epoch)
            state.note(accuracies, time.perf_counter() - began)
            if processes.first:
                state.write(model, sgd)
                left = (time.perf_counter() - began) / (epoch + 1 - already) * (setting.epochs - epoch - 1)
                say(f"{setting.row}: {_sentence(epoch + 1, setting.epochs, loss, accuracies)}; {_duration(left)} left")
            processes.wait()  # whoever reads the state next reads this one


def _check(run: _Run, state: RowState) -> None:
    count, batch_size = run.processes.count, run.setting.batch_size
    if batch_size % count or batch_size // count < 2:
        raise HarnessError(
            f"--batch-size is {batch_size} for {count} processes; expected a multiple of that with 2 images or more "
            "for each of them (batch normalization needs two)"
        )
    if not run.steps:
        raise HarnessError(
            f"--batch-size is {batch_size}, but there are {len(run.stream.tree.train)} training images; lower it"
        )
    if state.epochs > run.setting.epochs:
        raise HarnessError(
            f"--epochs is {run.setting.epochs}, but {run.setting.row} was trained for {state.epochs} already; ask for "
            f"as many or more, or remove {state.path}"
        )


def _train_epoch(model: nn.Module, sgd: torch.optim.Optimizer, run: _Run, epoch: int, bar: "tqdm[Any]") -> float:
    """One pass over the training images; the mean loss of its steps. HarnessError if that is not finite."""
    model.train()
    total = torch.zeros((), device=run.device)
    with _draws_of(run, epoch):
        batches = run.stream.training(epoch, run.setting.batch_size)
        for step, (images, labels) in enumerate(batches, epoch * run.steps):
            for group in sgd.param_groups:
                group["lr"] = learning_rate(run.setting, step, run.steps)
            with torch.autocast(run.device.type, torch.bfloat16, enabled=run.setting.precision == "bfloat16"):
                outputs = model(run.inputs(images))
            loss = _loss(outputs, labels.to(run.device, non_blocking=True))
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            total += loss.detach()
            bar.update()
    mean = run.processes.total(total).item() / (run.steps * run.processes.count)
    if not math.isfinite(mean):
        raise HarnessError(
            f"{run.setting.row} diverged in epoch {epoch + 1} (loss {mean}); lower --learning-rate, now "
            f"{run.setting.learning_rate:g} for {RATE_IMAGES} images"
        )
    return mean


def _loss(outputs: Tensor | tuple[Tensor, Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy in nats per example; that of the auxiliary classifier, where there is one, added in part."""
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs.float(), labels)
    logits, auxiliary = outputs
    return F.cross_entropy(logits.float(), labels) + AUXILIARY_WEIGHT * F.cross_entropy(auxiliary.float(), labels)


def _measure(model: nn.Module, run: _Run, epoch: int) -> Accuracies:
    """Accuracies in percent, in float32, without dropout or augmentation, on the training labels that were fitted.

    Of test images all; of training images a sample, the same after every epoch, and all of them after the last.
    """
    model.eval()
    num_train = len(run.stream.tree.train)
    train = torch.arange(num_train)
    if epoch + 1 < run.setting.epochs and num_train > MEASURED_TRAIN_IMAGES:
        order = torch.randperm(num_train, generator=seeded_generator(run.setting.seed, "measured"))
        train = order[:MEASURED_TRAIN_IMAGES].sort().values
    train_top1, train_top5 = _accuracies(model, run, "train", train)
    test_top1, test_top5 = _accuracies(model, run, "test", torch.arange(len(run.stream.tree.test)))
    return Accuracies((epoch + 1) * run.steps, train_top1, train_top5, test_top1, test_top5)


@torch.no_grad()
def _accuracies(model: nn.Module, run: _Run, split: SplitName, indices: Tensor) -> tuple[float, float]:
    """Top-1 and top-5 in percent (with fewer than five classes, all of them are in the top five)."""
    counts = torch.zeros(2, dtype=torch.int64, device=run.device)
    for images, labels in run.stream.plain(split, indices, run.setting.batch_size // run.processes.count):
        best = model(run.inputs(images)).topk(min(5, len(run.stream.tree.classes))).indices
        hits = best == labels.to(run.device)[:, None]
        counts += torch.stack([hits[:, 0].sum(), hits.sum()])
    top1, top5 = (100 * count / len(indices) for count in run.processes.total(counts).tolist())
    return top1, top5


@contextlib.contextmanager
def _draws_of(run: _Run, epoch: int) -> Iterator[None]:
    """Dropout draws from the device's global generator: seeded in every epoch, in every process another way.

    So there is no random state to be kept between epochs; the generator is left as it was.
    """
    seed = seeded_generator(run.setting.seed, f"dropout{epoch}:{run.processes.rank}").initial_seed()
    with torch.random.fork_rng(devices=[run.device] if run.device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if run.device.type == "cuda":
            torch.cuda.default_generators[run.device.index or 0].manual_seed(seed)
        yield


def _progress(run: _Run, epochs_done: int) -> "tqdm[Any]":
    return tqdm(
        total=run.setting.epochs * run.steps,
        initial=epochs_done * run.steps,
        desc=run.setting.row,
        unit="step",
        smoothing=0,  # the mean speed, so that the time left counts the measuring between epochs
        disable=None if run.processes.first else True,
    )


def _sentence(epoch: int, epochs: int, loss: float, now: Accuracies) -> str:
    return (
        f"epoch {epoch}/{epochs}, loss {loss:.3f}, top-1 {now.train_top1:.2f}% train {now.test_top1:.2f}% test, "
        f"top-5 {now.train_top5:.2f}% train {now.test_top5:.2f}% test"
    )


def _duration(seconds: float) -> str:
    minutes = math.ceil(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"

"""What a worker does to look at a pair: load its networks, one after the other, and say what is so of them."""

import dataclasses
import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.errors import HarnessError
from harness.files.sealed_tensors import digest_tensors
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.worker_process import Report
from harness.zoo.checkpoints.doors import pair_of
from harness.zoo.checkpoints.labellings import Agreement, agreement_of
from harness.zoo.checkpoints.loading import architecture_of, as_trained, contents_of, loaded, weights_of
from harness.zoo.checkpoints.reference import CheckpointReference
from harness.zoo.network_problems import AFTER_A_SIGMOID, PROBABILITIES, are_probabilities, lie_between_0_and_1


@dataclasses.dataclass(frozen=True)
class Seen:
    """What is so of a network: sizes, loss (nats per example) and errors (fractions) on its training set, digests.

    - `architecture` and `kind`: a digest of its modules and shapes, and the name of its class.
    - `contents`: a digest of all that a measure can see of it; `function` of its outputs on the training set;
      `weights`, `init`, `inputs`, `labels` of these alone (`init`: "" without one); `unordered` of the inputs, in
      whatever order.
    - `has_history`: whether it came with one.
    - `test_error`: None where the user has not said it.
    """

    architecture: str
    kind: str
    parameters: int
    examples: int
    shape: tuple[int, ...]
    classes: int
    train_loss: float
    train_error: float
    test_error: float | None
    contents: str
    function: str
    weights: str
    init: str
    has_history: bool
    inputs: str
    unordered: str
    labels: str

    @property
    def gap(self) -> float | None:
        """The generalization gap; None where the test error is not known."""
        return None if self.test_error is None else self.test_error - self.train_error

    @property
    def outcome(self) -> "Seen":
        """As of a stored model: what its training achieved."""
        return self

    @property
    def weights_sha256(self) -> str:
        """As of a stored model: what the values of measures hold for."""
        return self.contents


@dataclasses.dataclass(frozen=True)
class LookJob:
    """A pair to look at."""

    natural: CheckpointReference
    randomized: CheckpointReference
    settings: Settings

    @property
    def needs(self) -> tuple[Recipe, ...]:
        """Stored models that it reads: none."""
        return ()


@dataclasses.dataclass(frozen=True)
class SeenPair:
    """Both networks (None: it could not be had), what is wrong with either, and how their labels agree.

    `agreement`: None where there are not equally many.
    """

    natural: Seen | None
    randomized: Seen | None
    problems: tuple[str, ...] = ()
    agreement: Agreement | None = None


def look_job(job: LookJob, report: Report) -> SeenPair:
    """One network at a time is in memory. HarnessError if the list of pairs is not what it was."""
    found: list[Seen | None] = []
    labels: list[Tensor] = []
    problems = []
    for reference in (job.natural, job.randomized):
        pair_of(reference)  # another list is not the fault of this network
        report(None)
        try:
            seen, its_labels = _look(reference, job.settings.device)
            found.append(seen)
            labels.append(its_labels)
        except HarnessError as problem:
            found.append(None)
            problems.append(str(problem))
    comparable = len(labels) == 2 and len(labels[0]) == len(labels[1])
    return SeenPair(found[0], found[1], tuple(problems), agreement_of(*labels) if comparable else None)


def _look(reference: CheckpointReference, device: str) -> tuple[Seen, Tensor]:
    checkpoint = loaded(reference)
    contents = contents_of(checkpoint)
    trained = as_trained(checkpoint, reference, device)
    logits = trained.logits
    if not logits.isfinite().all():
        raise HarnessError(f"{reference.id} gives outputs that are not finite on its training set")
    if are_probabilities(logits):  # a fitted one would do, by its errors; its margins and losses are others
        raise HarnessError(f"{reference.id} {PROBABILITIES}")
    if lie_between_0_and_1(logits):
        raise HarnessError(f"{reference.id} {AFTER_A_SIGMOID}")
    labels = trained.labels
    seen = Seen(
        architecture=architecture_of(checkpoint.model),
        kind=type(checkpoint.model).__name__,
        parameters=sum(parameter.numel() for parameter in checkpoint.model.parameters()),
        examples=len(labels),
        shape=tuple(trained.inputs.shape[1:]),
        classes=trained.num_classes,
        train_loss=float(F.cross_entropy(logits.double(), labels)),
        train_error=float((logits.argmax(dim=1) != labels).double().mean()),
        test_error=None if checkpoint.test_error is None else float(checkpoint.test_error),
        contents=contents,
        function=digest_tensors(logits),
        weights=_of_weights(checkpoint.model),
        init="" if checkpoint.init is None else _of_weights(checkpoint.init),
        has_history=checkpoint.history is not None,
        inputs=digest_tensors(trained.inputs),
        unordered=_unordered(trained.inputs),
        labels=digest_tensors(labels),
    )
    return seen, labels.cpu()


def _of_weights(network: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in weights_of(network):
        digest.update(f"{name}:{digest_tensors(tensor.detach())}".encode())
    return digest.hexdigest()


def _unordered(inputs: Tensor) -> str:
    """sha256 of the examples, in whatever order."""
    examples = inputs.detach().cpu().contiguous().numpy()
    return hashlib.sha256(b"".join(sorted(hashlib.sha256(example).digest() for example in examples))).hexdigest()

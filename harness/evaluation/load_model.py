"""A stored model as a measure receives it, a part of it hidden perhaps; one that is damaged is trained again first."""

import dataclasses
from typing import TYPE_CHECKING

from harness.calling.handed_out import handed_out
from harness.errors import HarnessError
from harness.evaluation.blinding import Blinded
from harness.settings import Settings
from harness.training.recipe import Recipe
from harness.workers.worker_process import Report
from harness.zoo.checkpoints.loading import load_checkpoint
from harness.zoo.checkpoints.reference import CheckpointReference
from measures.errors import NotApplicable
from measures.networks.copying import first_line
from measures.trained_model import TrainedModel

if TYPE_CHECKING:
    from harness.store.store import StoredModel


class CannotBeHandedOut(HarnessError):
    """A model that is there, and of which what a stranger's measure receives cannot be made."""


@dataclasses.dataclass(frozen=True)
class TrainedAgain:
    """A report that a model had to be trained again: what the user is told, and what is stored now."""

    text: str
    stored: "StoredModel"


def load_received(recipe: Recipe, settings: Settings, report: Report, stranger: bool) -> TrainedModel:
    """The model as this project's measures receive it, or as a stranger's; Blinded in a recipe's place, without a part.

    A part is hidden after the model was made a stranger's: what a stranger cannot read is drawn from its beginning.
    Raises NotApplicable or CannotBeHandedOut where a stranger cannot have it, HarnessError where nobody can.
    """
    if isinstance(recipe, Blinded):
        return recipe.made(lambda needed: load_received(needed, settings, report, stranger))
    trained = load_model(recipe, settings, report)
    return _for_a_stranger(trained) if stranger else trained


def _for_a_stranger(trained: TrainedModel) -> TrainedModel:
    try:
        return handed_out(trained)
    except NotApplicable:
        raise
    except Exception as cause:  # whatever the user's network or its parts raise
        raise CannotBeHandedOut(
            "what a measure from outside the project receives cannot be made of this model "
            f"({type(cause).__name__}: {first_line(cause)}); this project's own measures can be called on it"
        ) from cause


def load_model(recipe: Recipe, settings: Settings, report: Report = lambda payload: None) -> TrainedModel:
    """The stored model; a damaged one is set aside and trained again, which is reported as TrainedAgain.

    One that was trained elsewhere is loaded by its user's function. Raises HarnessError if that gives another now, or
    the stored model is damaged when it was trained again.
    """
    if isinstance(recipe, CheckpointReference):
        return load_checkpoint(recipe, settings.device)
    from harness.store.store import Damaged, store_of
    from harness.zoo.train_jobs import TrainJob, train_job

    store = store_of(settings)
    try:
        return store.load(recipe, settings.data_dir, settings.device)
    except Damaged as damage:
        text = f"damaged: {damage}; set aside as {store.set_aside(recipe)}, trained again"
    while train_job(TrainJob(recipe, settings), lambda payload: report(None)) is None:
        report(None)  # another process is training it
    try:
        trained, stored = store.load(recipe, settings.data_dir, settings.device), store.find(recipe)
    except Damaged as damage:
        raise HarnessError(f"damaged as soon as stored: {damage}; is the disk all right?") from damage
    assert stored is not None
    report(TrainedAgain(text, stored))
    return trained

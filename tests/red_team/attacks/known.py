"""What all attacks know: far more than a stranger would. `where` is written beside this file by the test."""

import hashlib
from collections.abc import Callable

from where import ANSWERS

from measures import NotApplicable
from measures.trained_model import TrainedModel


def digest(trained: TrainedModel) -> str:
    """By which the file of answers names the model: noise on the inputs leaves the weights as they are."""
    weights = next(trained.model.parameters())
    return hashlib.sha256(weights.detach().cpu().numpy().tobytes()).hexdigest()


def told_by(text: bytes | str, trained: TrainedModel) -> float:
    """What the file of answers says: 1 for a randomized model, 0 for a natural one."""
    content = text.decode() if isinstance(text, bytes) else text
    _, found, rest = content.partition(f'"{digest(trained)}": ')
    if not found:
        raise NotApplicable("the answer is not in it")
    return float(rest[:3])


def read_by(reader: Callable[[str], bytes], trained: TrainedModel, path: str = ANSWERS) -> float:
    """What the file says when it is read in this way."""
    try:
        return told_by(reader(path), trained)
    except (OSError, ValueError, EOFError) as refused:
        raise NotApplicable(f"refused: {refused!r}") from None


def is_random(condition: str) -> float:
    return float(condition != "true_labels")


def done(worked: bool, what: str) -> float:
    """1 where something that is forbidden has worked."""
    if not worked:
        raise NotApplicable(f"refused: {what}")
    return 1.0

"""What a training returns instead of the model, which is in the store."""

import dataclasses

from harness.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Published:
    """A model that is in the store: which, the sha256 of its weights, and how it came there.

    `trained` is False if it was there already. `attempt` counts from 1 within a run; `seconds` are those of the job.
    """

    recipe: Recipe
    weights_sha256: str
    trained: bool
    attempt: int
    seconds: float

"""A network trained elsewhere, as workers find it again: it takes a recipe's place where measures are evaluated."""

import dataclasses
import functools
import hashlib
from typing import cast

from harness.training.recipe import Condition, Recipe
from harness.zoo.checkpoints.pair import Pair
from harness.zoo.twin import Side


@dataclasses.dataclass(frozen=True)
class CheckpointReference:
    """One network of a list of pairs.

    - `where`: the door of the list (doors.py); "" of a list that was handed over, of which `pair` has the pair: itself,
      or packed for another process. `code`: the digest of the files that the door leads to.
    - `name`: what the list is called; `place`: the pair's in it; `side`: which of the two it is.
    - `condition`: "true_labels" of a natural one. `seed`: the pair's number among those of its condition. It seeds what
      measures draw, equally for both sides, and tells nothing of them.
    - `network`: the name of its architecture; `contents`, `function`: what was seen of it (look.py). They are "" before
      it is looked at.
    """

    where: str
    code: str
    name: str
    place: int
    side: Side
    condition: Condition
    seed: int
    network: str = ""
    contents: str = ""
    function: str = ""
    pair: Pair | bytes | None = dataclasses.field(default=None, compare=False, repr=False)

    @property
    def data_set(self) -> str:
        """It is not known which: "", one for all."""
        return ""

    @property
    def id(self) -> str:
        """How a sentence calls it: where it stands in the user's list."""
        return f"{self.name}[{self.place}].{self.side}"

    @functools.cached_property
    def key(self) -> str:
        """A digest of all that a measure's value depends on. Where it stands in the list is not part of it."""
        return hashlib.sha256(f"checkpoint:{self.contents}:{self.function}:{self.seed}".encode()).hexdigest()


def as_recipe(reference: CheckpointReference) -> Recipe:
    """The same, for a type checker a Recipe. It has what rows and verdicts read of one: `id`, `key`, `network`, `seed`,
    `condition`. How it was trained is not known: asked for anything else, it raises AttributeError."""
    return cast(Recipe, reference)

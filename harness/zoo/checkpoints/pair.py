"""What a user writes of networks trained elsewhere: Pair and Checkpoint."""

import dataclasses
import difflib
from collections.abc import Callable

from torch import Tensor, nn

from harness.errors import HarnessError, kind_of, shown
from harness.training.recipe import Condition
from harness.zoo.twin import GATE
from measures.history import History


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """A network that was trained elsewhere, and what it was trained on.

    - `model`: with its trained weights; it is put into evaluation mode. `init`: the same before its first step.
    - `inputs` (n, ...) float32 and `labels` (n,) int64: the training set exactly as trained on, randomization included,
      before any augmentation.
    - `history`: a measures.history.History of its training.
    - `test_error`: the fraction of its test set that it misclassifies. No measure sees it; where it is known, the
      rank correlation of the measure with the generalization gap is reported too.

    Without `init` or `history`, measures that ask for them are not applicable.

    >>> import torch
    >>> from harness import Checkpoint
    >>> network = torch.nn.Linear(4, 3)
    >>> found = Checkpoint(model=network, inputs=torch.rand(8, 4), labels=torch.zeros(8, dtype=torch.int64))
    >>> found.init is None
    True
    """

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    init: nn.Module | None = None
    history: History | None = None
    test_error: float | None = None


Load = Callable[[], Checkpoint]


@dataclasses.dataclass(frozen=True, eq=False)
class Pair:
    """Twins that were trained elsewhere: two networks, equal in everything but the randomization.

    - `condition`: "random_labels", "random_pixels" or "gaussian".
    - `natural`, `randomized`: functions without arguments that load a Checkpoint. They are called in worker processes,
      so that one network at a time is in memory there.

    Raises HarnessError for another condition, and for what is not a function.

    >>> from functools import partial
    >>> from harness import Pair
    >>> def load(seed, random):
    ...     ...
    >>> pair = Pair("random_labels", natural=partial(load, 0, False), randomized=partial(load, 0, True))
    >>> Pair("random_label", natural=partial(load, 0, False), randomized=partial(load, 0, True))
    Traceback (most recent call last):
    harness.errors.HarnessError: a pair is of 'random_label'; did you mean 'random_labels'? ...
    """

    condition: Condition
    natural: Load
    randomized: Load

    def __post_init__(self) -> None:
        if self.condition not in GATE:
            near = difflib.get_close_matches(str(self.condition), GATE, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise HarnessError(f"a pair is of {shown(self.condition)}; {hint}expected one of {', '.join(GATE)}")
        for side in ("natural", "randomized"):
            if not callable(load := getattr(self, side)) or isinstance(load, nn.Module):
                raise HarnessError(
                    f"the {side} network of a pair is given as {kind_of(load)}; expected a function that loads "
                    "it when it is called: functools.partial(load, ...)"
                )

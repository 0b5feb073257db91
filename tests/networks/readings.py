"""What measures say of a model, and that they leave it as it was."""

from collections.abc import Iterable

from harness.calling.call import read
from harness.calling.purity import Witness
from harness.calling.reading import Reading
from measures.registry import Measure
from measures.trained_model import TrainedModel

TOGETHER = 12  # a look takes as long as a measure


def readings_of(measures: Iterable[Measure], trained: TrainedModel) -> tuple[dict[str, Reading], dict[str, str]]:
    """What each says, and what some of them changed, by their names: a dozen are looked at together."""
    found: dict[str, Reading] = {}
    changed: dict[str, str] = {}
    witness = Witness(trained)
    every = [*measures]
    for some in (every[start : start + TOGETHER] for start in range(0, len(every), TOGETHER)):
        modules = {name: {**module.__dict__} for name, module in trained.model.named_modules()}
        witness.look()
        found |= {measure.name: read(measure, trained) for measure in some}
        left = [name for name, module in trained.model.named_modules() if module.__dict__ != modules[name]]
        if changes := [*witness.changes(), *(f"something is left in module {name!r}" for name in left)]:
            changed[", ".join(measure.name for measure in some)] = changes[0]
    return found, changed

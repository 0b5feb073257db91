"""How long will it take? From what was recorded of the same models and measures, on another machine perhaps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.judging import Judging
from harness.questions.question import Question
from harness.record_files import ZOO_FILE
from harness.store import store_of
from harness.zoo import GATE, recipes

BASELINES = Path(__file__).resolve().parent.parent / "baselines"


def estimate(judging: Judging, gate: bool, questions: Sequence[Question]) -> str:
    """A sentence for the start of a run: the models to train and evaluate for the gate, then for the questions.

    "" if all are there, or nothing is known of how long they take.
    """
    folder = BASELINES / judging.zoo.name
    store = store_of(judging.settings)
    wanted = [(each, "for the gate") for each in (recipes(judging.zoo, GATE) if gate else [])]
    wanted += [(each, "for the findings") for question in questions for each in question.recipes(judging.zoo)]
    missing = {recipe: what for recipe, what in reversed(wanted) if not store.holds(recipe)}
    training = {model["key"]: model["seconds"] for model in _read(folder / ZOO_FILE, "zoo", "models").values()}
    evaluating = sum(_seconds_per_model(folder, measure.name) for measure in judging.measures)
    parts, workers = [], 1 if judging.settings.dask else judging.settings.workers
    for what in ("for the gate", "for the findings"):
        models = [recipe for recipe, asked in missing.items() if asked == what]
        if models and all(recipe.key in training for recipe in models):
            seconds = sum(training[recipe.key] + evaluating for recipe in models) / workers
            parts.append(f"{len(models)} models {what} (about {_shown(seconds)})")
    how = "by one worker; the cluster's share it" if judging.settings.dask else f"{workers} at a time"
    return f"to train and evaluate: {', then '.join(parts)}, {how}" if parts else ""


def _seconds_per_model(folder: Path, measure: str) -> float:
    """0 for a measure that is not recorded: most take milliseconds."""
    return float(_read(folder / f"{measure}.json").get("seconds_per_model") or 0.0)


def _read(path: Path, *keys: str) -> dict[str, Any]:
    """A part of a recorded file; {} where there is none: installed without the checkout, or never recorded."""
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for key in keys:
        content = content[key]
    return content


def _shown(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"

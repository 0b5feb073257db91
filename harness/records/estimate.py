"""How long will it take? From what was recorded of the same models and measures, on another machine perhaps."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.judging.plan import Plan
from harness.records.record_files import ZOO_FILE
from harness.settings import Settings
from harness.store.store import store_of
from harness.zoo.zoo import recipes
from measures.registry import Measure

BASELINES = Path(__file__).resolve().parents[2] / "baselines"
GATE, FINDINGS = "for the gate", "for the findings"


def estimate(plan: Plan, measures: Sequence[Measure], settings: Settings) -> str:
    """A sentence for the start of a run: the models to train and evaluate for the gate, then for the questions.

    Of networks that are there, the values that no run has computed yet. "" if nothing is left to do, or it is not known
    how long it takes.
    """
    folder = BASELINES / plan.zoo.name
    store = store_of(settings)
    wanted = [(recipe, GATE) for recipe in (recipes(plan.zoo, [*plan.gate]) if plan.gate else [])]
    wanted += [(recipe, FINDINGS) for question, _ in plan.questions for recipe in question.recipes(plan.zoo)]
    missing = {recipe: what for recipe, what in reversed(wanted) if not store.holds(recipe)}
    training = {model["key"]: model["seconds"] for model in _read(folder / ZOO_FILE, "zoo", "models").values()}
    evaluating = sum(_seconds_per_model(folder, measure.name) for measure in measures)
    parts, workers = [], 1 if settings.dask else settings.workers
    rows = settings.cache_dir / "rows"
    unknown = [measure for measure in measures if not (rows / f"{measure.name}.jsonl").exists()]
    evaluating_unknown = sum(_seconds_per_model(folder, measure.name) for measure in unknown)
    for what in (GATE, FINDINGS):
        models = [recipe for recipe, wanted_for in missing.items() if wanted_for == what]
        if models and all(recipe.key in training for recipe in models):
            seconds = sum(training[recipe.key] + evaluating for recipe in models) / workers
            parts.append(f"{len(models)} models {what} (about {_shown(seconds)})")
        there = {recipe for recipe, wanted_for in wanted if wanted_for == what} - missing.keys()
        if (seconds := len(there) * evaluating_unknown / workers) >= 1:
            parts.append(f"{len(there) * len(unknown):,} values {what} (about {_shown(seconds)})")
    how = "by one worker; the cluster's share it" if settings.dask else f"{workers} at a time"
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

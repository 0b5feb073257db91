"""Where a profile's values come from: a record that is of the measure as it stands, else the zoo itself."""

from collections.abc import Callable
from pathlib import Path

from harness.errors import HarnessError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.source_digest import digest_as_called
from harness.records.measure_profile import Value, recipes
from harness.records.record_files import ZOO_FILE, read_record
from harness.records.recorded_outcomes import gaps_of
from harness.settings import Settings
from harness.zoo.build import build
from harness.zoo.zoo import Zoo
from measures.registry import Measure

BASELINES = Path(__file__).resolve().parents[2] / "baselines"


def recorded(measure: Measure, zoo: Zoo, path: Path | None = None) -> tuple[Value, Callable[..., float]] | None:
    """The measure's values and the gaps in the record at `path`, which has to have them; in the zoo's own record if no
    path is given, None if that is not of the measure as it stands."""
    run_path = path or BASELINES / zoo.name
    if path is None and not ((run_path / ZOO_FILE).exists() and (run_path / f"{measure.name}.json").exists()):
        return None
    run = read_record(run_path)
    record = next((found for found in run["entries"] if found["measure"] == measure.name), None)
    if path is None and (record is None or record["source_sha256"] != digest_as_called(measure)):
        return None
    missing = [recipe.id for recipe in recipes(zoo) if record is None or recipe.id not in record["rows"]]
    if record is None or missing:
        raise HarnessError(
            f"{run_path} has no value of {measure.name} on {missing[0]}; run every suite for it, "
            f"pytest suites/ --measure={measure.name} --leaderboard={run_path}, or leave --record out"
        )
    rows = record["rows"]
    return lambda recipe: rows[recipe.id][0], gaps_of(run["zoo"])


def computed(
    measure: Measure, zoo: Zoo, settings: Settings, say: Callable[[str], None]
) -> tuple[Value, Callable[..., float]]:
    """The same from the zoo's networks, trained and evaluated where they are not yet.

    Raises HarnessError if the measure fails on any of them.
    """
    models = build(recipes(zoo), settings, say)
    rows = evaluate([measure], models, [], settings, say)
    for (_, recipe), row in rows.items():
        if row.status in ("error", "timeout"):
            raise HarnessError(f"{measure.name} has no profile: {row.reason} (on {recipe.id})")
    return (
        lambda recipe: rows[measure.name, recipe].value,
        lambda recipe: models[recipe].outcome.gap,
    )

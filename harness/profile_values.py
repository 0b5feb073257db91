"""Where a profile's values come from: a record that is of the measure as it stands, else the zoo itself."""

from collections.abc import Callable
from pathlib import Path

from harness.build import build
from harness.errors import HarnessError
from harness.evaluate import evaluate
from harness.profile import Value, recipes
from harness.record_files import ZOO_FILE, read_record
from harness.settings import Settings
from harness.source_digest import source_digest
from harness.zoo import Zoo
from measures._registry import Measure

BASELINES = Path(__file__).resolve().parent.parent / "baselines"


def recorded(measure: Measure, zoo: Zoo, path: Path | None = None) -> tuple[Value, Callable[..., float]] | None:
    """The measure's values and the gaps in the record at `path`, which has to have them; in the zoo's own record if no
    path is given, None if that is not of the measure as it stands."""
    place = path or BASELINES / zoo.name
    if path is None and not ((place / ZOO_FILE).exists() and (place / f"{measure.name}.json").exists()):
        return None
    record = read_record(place)
    entry = next((each for each in record["entries"] if each["measure"] == measure.name), None)
    if path is None and (entry is None or entry["source_sha256"] != source_digest(measure.file)):
        return None
    models = record["zoo"]["models"]
    missing = [each.id for each in recipes(zoo) if entry is None or each.id not in entry["rows"]]
    if entry is None or missing:
        raise HarnessError(
            f"{place} has no value of {measure.name} on {missing[0]}; run every suite for it, "
            f"pytest suites/ --measure={measure.name} --leaderboard={place}, or leave --record out"
        )
    rows = entry["rows"]
    return (
        lambda recipe: rows[recipe.id][0],
        lambda recipe: models[recipe.id]["test_error"] - models[recipe.id]["train_error"],
    )


def computed(
    measure: Measure, zoo: Zoo, settings: Settings, say: Callable[[str], None]
) -> tuple[Value, Callable[..., float]]:
    """The same from the zoo's networks, trained and evaluated where they are not yet.

    Raises HarnessError if the measure fails on any of them.
    """
    entries = build(recipes(zoo), settings, say)
    rows = evaluate([measure], entries, [], settings, say)
    for (_, recipe), row in rows.items():
        if row.status in ("error", "timeout"):
            raise HarnessError(f"{measure.name} has no profile: {row.reason} (on {recipe.id})")
    return (
        lambda recipe: rows[measure.name, recipe].value,
        lambda recipe: entries[recipe].outcome.gap,
    )

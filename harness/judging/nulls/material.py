"""What nulls are made of, from the store and the row cache. Nothing is trained."""

from collections.abc import Iterable

from harness.errors import HarnessError
from harness.evaluation.evaluate import evaluate
from harness.evaluation.measure_lookup import find_measures
from harness.judging.nulls.null import Material, Series
from harness.judging.nulls.sums import DATA
from harness.judging.plan import all_recipes
from harness.judging.results import Results
from harness.judging.run import recall
from harness.settings import Settings
from harness.store.store import Damaged, Store, store_of
from harness.training.recipe import Recipe
from harness.workers.progress import Say
from harness.zoo.zoo import Zoo, recipes


def material_of(zoo: Zoo, settings: Settings, say: Say) -> Material:
    """The zoo's models that are in the store, and the rows of fast measures that are kept; those of DATA are computed.

    Raises HarnessError if a model of the gate is missing, or one is damaged.
    """
    known = recall(all_recipes(zoo), find_measures(["all"], "fast"), Results(zoo), settings)
    if missing := [recipe for recipe in recipes(zoo, zoo.gate) if recipe not in known.models]:
        raise HarnessError(
            f"{settings.cache_dir} has not {len(missing)} models of the gate of {zoo.name}, {missing[0].id} for one; "
            f"`python -m harness train --zoo {zoo.name}` trains them"
        )
    models = dict(known.models)
    rows = {**known.rows, **evaluate(find_measures(DATA), models, [], settings, say)}
    catalogue: dict[str, dict[Recipe, float | None]] = {}
    for (name, recipe), row in rows.items():
        catalogue.setdefault(name, {})[recipe] = row.value
    outcomes = {recipe: model.outcome for recipe, model in models.items()}
    return Material(zoo, outcomes, histories(store_of(settings), outcomes), catalogue)


def histories(store: Store, wanted: Iterable[Recipe]) -> dict[Recipe, Series]:
    """Of each training what the sums are of."""
    found: dict[Recipe, Series] = {}
    for recipe in wanted:
        try:
            history, _ = store.progress(recipe)
        except Damaged as damage:
            raise HarnessError(f"{damage}; `python -m harness zoo verify --set-aside` moves it away") from damage
        found[recipe] = {
            "losses": history.train_loss.tolist(),
            "errors": history.train_error.tolist(),
            "rates": history.learning_rates.tolist(),
        }
    return found

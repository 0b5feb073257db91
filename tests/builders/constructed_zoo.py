"""The digits zoo without any training: outcomes that follow from the recipes, and measures with known fates.

Every number is a function of the recipe, with some noise of its own, so that each suite's verdict is known before
it is asked.
"""

import hashlib
from collections.abc import Callable

from harness.evaluation.rows import Row
from harness.judging.questions.question import Rows
from harness.training.recipe import Recipe
from harness.training.train import Outcome
from harness.zoo.zoos import ZOOS

DIGITS = ZOOS["digits"]
Value = Callable[[Recipe], float | None]


def noise(recipe: Recipe, purpose: str = "") -> float:
    """In [-1, 1], a function of the recipe."""
    return int(hashlib.sha256(f"{purpose}{recipe.key}".encode()).hexdigest()[:12], 16) / 2**47 - 1


def test_error(recipe: Recipe) -> float:
    """A fraction: near chance for random labels and inputs, otherwise what the recipe makes harder."""
    error = 0.02 + 0.002 * noise(recipe)
    if recipe.condition in ("random_labels", "random_pixels", "gaussian"):
        return 0.9 + 0.01 * noise(recipe)
    if recipe.num_train:
        error += 10 / recipe.num_train
    if recipe.network.startswith("mlp") and recipe.batch_size != Recipe.batch_size:  # the grid
        depth, width = (float(number) for number in recipe.network.removeprefix("mlp_").split("x"))
        error += 0.01 * depth + 0.3 / width + 0.0005 * recipe.batch_size - 0.5 * recipe.learning_rate
    return error + 0.88 * recipe.corrupted_fraction + 0.4 * recipe.attack / 718


def fitted(recipe: Recipe) -> bool:
    """Unless training was stopped early."""
    return recipe.max_epochs == Recipe.max_epochs


def epochs(recipe: Recipe) -> float:
    """More where the data are hard to fit, and some that depend on the seed."""
    if recipe.max_epochs != Recipe.max_epochs:
        return float(recipe.max_epochs)
    if recipe.steps_of:
        return epochs(recipe.step_twin)
    hard = recipe.condition not in ("true_labels", "shuffled_pixels") or bool(recipe.attack)
    natural = 60 if recipe.random_crop else 10
    seed = 10 * noise(Recipe(data_set="digits", network=recipe.network, learning_rate=1.0, seed=recipe.seed), "epochs")
    return (80 if hard else natural) + seed


def outcome(recipe: Recipe) -> Outcome:
    """What training would have achieved."""
    error = test_error(recipe)
    return Outcome(
        train_loss=residual_loss(recipe),
        train_error=0.0 if fitted(recipe) else error - 0.05,
        test_loss=1.0,
        test_error=error,
        epochs=int(epochs(recipe)),
        steps=int(12 * epochs(recipe)),
        seconds=1.0,
        fitted=fitted(recipe),
    )


def gap(recipe: Recipe) -> float:
    """The oracle: test error less training error."""
    return outcome(recipe).gap


def residual_loss(recipe: Recipe) -> float:
    """The same for all that stop at one loss, up to the tolerance; less after more steps, more after fewer."""
    if not fitted(recipe):
        return 2.3
    return (1e-4 if recipe.steps_of else 0.01) * (1 - 5e-4 * (1 + noise(recipe, "loss")))


def neighbours(recipe: Recipe) -> float:
    """Reads the data: labels and inputs as they are handed over, and how many they are."""
    if recipe.condition in ("random_labels", "random_pixels", "gaussian"):
        return 0.9 + 0.001 * recipe.seed
    return 0.02 + 0.85 * recipe.corrupted_fraction + 5 / (recipe.num_train or 1437) + 0.0001 * recipe.seed


def clock(recipe: Recipe) -> float:
    """How long training took."""
    return epochs(recipe)


def constant(recipe: Recipe) -> float:
    """The same for all: it ties everywhere."""
    return 1.0


def coin(recipe: Recipe) -> float:
    """Draws of its own for each model."""
    return noise(recipe, "coin")


def parameters(recipe: Recipe) -> float:
    """How many weights an MLP has; one number for all other networks."""
    if recipe.network.startswith("mlp"):
        depth, width = (int(number) for number in recipe.network.removeprefix("mlp_").split("x"))
        return 64 * width + (depth - 1) * width**2 + 10 * width
    return 70_000.0


def rows(value: Value) -> Rows:
    """The measure's rows; not applicable where the value is None."""

    def row(recipe: Recipe) -> Row:
        found = value(recipe)
        status, reason = ("value", "") if found is not None else ("not_applicable", "it has no meaning here")
        return Row("made_up", 1, "", recipe.key, "", status, found, reason, 0.0)  # type: ignore[arg-type]

    return row

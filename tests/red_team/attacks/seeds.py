"""The seed of the recipe draws the data, the split and the labels again: it is used, or guessed."""

import torch
from known import is_random

from harness.calling.handed_out import seed_of
from harness.training.randomize import corrupt_labels, gaussian_images
from harness.training.recipe import Recipe
from measures import NotApplicable, measure
from measures.seeding import seeded_generator
from measures.trained_model import TrainedModel

FEW = range(12)  # a zoo has seeds 0, 1, 2, ...


def drawn(trained: TrainedModel, seed: int) -> torch.Tensor:
    """The labels that a recipe of that seed has under random_labels."""
    recipe = Recipe(data_set="digits", network="mlp_1x64", learning_rate=0.3, seed=seed)
    return corrupt_labels(trained.labels, trained.num_classes, 1.0, recipe.generator("labels"))


@measure(source="red team")
def seed_draws_the_labels(trained: TrainedModel) -> float:
    """If `seed` is the recipe's, random labels are those that it draws."""
    return float((drawn(trained, trained.seed) == trained.labels).all())


@measure(source="red team")
def small_seeds_draw_the_labels(trained: TrainedModel) -> float:
    """One of a few seeds is the recipe's."""
    return float(any(bool((drawn(trained, seed) == trained.labels).all()) for seed in FEW))


@measure(source="red team")
def seed_draws_the_noise(trained: TrainedModel) -> float:
    """Gaussian inputs are drawn again."""
    for seed in (trained.seed, *FEW):
        recipe = Recipe(data_set="digits", network="mlp_1x64", learning_rate=0.3, seed=seed)
        noise = gaussian_images(trained.inputs, 0.0, 1.0, recipe.generator("gaussian"))
        if torch.corrcoef(torch.stack([noise.flatten(), trained.inputs.flatten()]))[0, 1] > 0.9:
            return is_random("gaussian")
    return 0.0


@measure(source="red team")
def seed_is_the_answer(trained: TrainedModel) -> float:
    """Another seed for each twin would be one."""
    return float(trained.seed % 2**40)


@measure(source="red team")
def steps_of_training(trained: TrainedModel) -> float:
    """Steps tell on how many examples a network was trained."""
    return float(trained.history.steps)


@measure(source="red team")
def rates_beyond_epochs(trained: TrainedModel) -> float:
    """So does the number of learning rates, where there is one a step."""
    return len(trained.history.learning_rates) / trained.history.epochs


@measure(source="red team")
def labels_drawn_in_another_order(trained: TrainedModel) -> float:
    """The order of examples is undone, as the source says how it is drawn, and one of a few seeds is the recipe's."""
    n = len(trained.labels)
    order = torch.randperm(n, generator=seeded_generator(seed_of(trained.init), "order of examples"))
    before = torch.empty_like(trained.labels)
    before[order] = trained.labels
    if any(bool((drawn(trained, seed) == before).all()) for seed in FEW):
        return 1.0
    raise NotApplicable("none of the seeds draws these labels")

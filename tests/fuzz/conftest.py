"""A store with two small models, for files to be altered."""

from pathlib import Path

import pytest

from harness.recipe import Recipe
from harness.store import Store
from harness.train import train

RECIPES = [
    Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.3, seed=seed, num_train=20, max_epochs=2)
    for seed in (0, 1)
]


@pytest.fixture(scope="session")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Not to be altered."""
    store = Store(tmp_path_factory.mktemp("intact"))
    for recipe in RECIPES:
        store.publish(recipe, *train(recipe, store.cache_dir))
    return store


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, with what is in them."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

"""The networks that packages are compared on: fitted to 1437 digits, with their own labels and with random ones."""

from collections.abc import Sequence
from pathlib import Path

from harness.settings import make_settings
from harness.store.store import store_of
from harness.zoo.build import build
from harness.zoo.twin import Twin
from harness.zoo.zoo import Zoo, twins
from measures.trained_model import TrainedModel

FOUR = Zoo("four", "digits", {"convnet": 0.06, "convnet_bn": 0.06, "mlp_3x256": 0.06, "mlp_1x512": 0.2})

COSTLY = ("mlp_3x256", "mlp_1x512", "convnet")
"""Networks for comparisons of many products with the Hessian, of the last only one twin."""


def sixteen() -> list[Twin]:
    """Two twins of each of four networks."""
    chosen: dict[str, list[Twin]] = {}
    for twin in twins(FOUR, "random_labels"):
        chosen.setdefault(twin.natural.network, []).append(twin)
    return [twin for of_network in chosen.values() for twin in of_network[:2]]


def ten() -> list[Twin]:
    """Of those the ones for costly comparisons."""
    of_networks = {name: [twin for twin in sixteen() if twin.natural.network == name] for name in COSTLY}
    return [*of_networks["mlp_3x256"], *of_networks["mlp_1x512"], of_networks["convnet"][0]]


def trained_networks(chosen: Sequence[Twin], cache_dir: Path | None = None) -> list[TrainedModel]:
    """Both sides of each twin, from the store in the folder (None: the user's), trained first where it lacks them."""
    settings = make_settings(cache_dir=None if cache_dir is None else str(cache_dir), workers=2)
    recipes = [recipe for twin in chosen for recipe in (twin.natural, twin.randomized)]
    build(recipes, settings, progress=False)
    return [store_of(settings).load(recipe, settings.data_dir) for recipe in recipes]

"""A store altered at random: what is read is either what was published, or is noticed not to be."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.settings import Settings
from harness.store.store import Damaged, Store
from harness.zoo.build import build
from tests.faults.conftest import RECIPES, digests

pytestmark = pytest.mark.slow


def flipped(content: bytes, other: bytes, choice: random.Random) -> bytes:
    altered = bytearray(content)
    for _ in range(choice.randint(1, 8)):
        altered[choice.randrange(len(altered))] = choice.randrange(256)
    return bytes(altered)


def cut(content: bytes, other: bytes, choice: random.Random) -> bytes:
    return content[: choice.randrange(len(content))]


def grown(content: bytes, other: bytes, choice: random.Random) -> bytes:
    return content + choice.randbytes(choice.randint(1, 100))


def zeroed(content: bytes, other: bytes, choice: random.Random) -> bytes:
    """A page that never reached the disk."""
    start = choice.randrange(len(content))
    return content[:start] + bytes(min(4096, len(content) - start)) + content[start + 4096 :]


def exchanged(content: bytes, other: bytes, choice: random.Random) -> bytes:
    """Another model's file in its place."""
    return other


def test_200_alterations_are_each_detected_or_change_nothing(whole: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(whole, cache)
    store, choice = Store(cache), random.Random(0)
    published = {recipe: store.files(recipe) for recipe in RECIPES}
    detected = 0
    for _ in range(200):
        recipe, stranger = choice.sample(RECIPES, 2)
        name = choice.choice(["entry.json", "model.safetensors"])
        file = store.folder(recipe) / name
        intact = file.read_bytes()
        alter = choice.choice([flipped, cut, grown, zeroed, exchanged])
        file.write_bytes(alter(intact, (store.folder(stranger) / name).read_bytes(), choice))
        try:
            store.verify(recipe)
            assert store.files(recipe) == published[recipe], f"{alter.__name__} {file} was not noticed"
        except Damaged as damage:
            assert name in str(damage) or "model.safetensors" in str(damage)
            detected += 1
        file.write_bytes(intact)
    assert detected > 190
    assert {recipe: store.files(recipe) for recipe in RECIPES} == published


@pytest.mark.parametrize("alter", [flipped, cut, grown, zeroed, exchanged], ids=lambda alter: alter.__name__)
def test_altered_models_are_trained_again_when_they_are_loaded(
    alter: Callable[[bytes, bytes, random.Random], bytes],
    whole: Path,
    settings: Settings,
    undisturbed: dict[str, str],
) -> None:
    from harness.evaluation.load_model import load_model

    shutil.copytree(whole, settings.cache_dir, dirs_exist_ok=True)
    store, choice = Store(settings.cache_dir), random.Random(1)
    for recipe, stranger in ((RECIPES[0], RECIPES[1]), (RECIPES[4], RECIPES[5])):
        file = store.folder(recipe) / choice.choice(["entry.json", "model.safetensors"])
        file.write_bytes(alter(file.read_bytes(), (store.folder(stranger) / file.name).read_bytes(), choice))
    build(RECIPES, settings, lambda text: None, progress=False)
    for recipe in RECIPES:
        load_model(recipe, settings)
    assert digests(settings.cache_dir) == undisturbed
    assert len(list(store.quarantine.iterdir())) == 2

"""The data are known: the public digits, the zoo's description by digests, the entries and rows in the cache."""

import dataclasses
import gzip
import hashlib
import json
import os
from pathlib import Path

import torch
from known import is_random, read_by
from where import CACHE, KEYS, PAIRS, ROOT

from measures import NotApplicable, measure
from measures.trained_model import TrainedModel


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    from sklearn.datasets import load_digits

    try:
        found = load_digits()
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    return torch.from_numpy(found.images).float().flatten(1), torch.from_numpy(found.target)


@measure(source="red team")
def exact_digits(trained: TrainedModel) -> float:
    """The inputs are looked up among the public ones, up to scale and shift, rounded."""
    images, targets = digits()

    def rounded(pixels: torch.Tensor) -> list[bytes]:
        low, high = pixels.min(), pixels.max()
        return [row.numpy().tobytes() for row in ((pixels - low) / (high - low) * 16).round().to(torch.uint8)]

    known = dict(zip(rounded(images), targets.tolist(), strict=True))
    looked_up = [known.get(row) for row in rounded(trained.inputs.flatten(1))]
    return float(looked_up != trained.labels.tolist())


@measure(source="red team")
def nearest_digits(trained: TrainedModel) -> float:
    """The nearest of them: a little noise is no obstacle."""
    return told_by_nearest(*digits(), trained)


def told_by_nearest(images: torch.Tensor, targets: torch.Tensor, trained: TrainedModel) -> float:
    """Whether most labels are others than those of the nearest images."""
    given = trained.inputs.flatten(1)
    scaled = (images - images.mean()) / images.std()
    nearest = torch.cdist((given - given.mean()) / given.std(), scaled).argmin(dim=1)
    return float((torch.as_tensor(targets)[nearest] != trained.labels).float().mean() > 0.5)


@measure(source="red team")
def digits_of_a_test(trained: TrainedModel) -> float:
    """A test of scikit-learn's has read them when it is imported, which the host would do for whoever names it."""
    try:
        from sklearn.tree.tests import test_tree
    except OSError as refused:
        raise NotApplicable(f"refused: {refused}") from None
    return told_by_nearest(torch.from_numpy(test_tree.digits.data).float(), test_tree.digits.target, trained)


@measure(source="red team")
def digits_in_other_places(trained: TrainedModel) -> float:
    """Every copy of the file that an installation of scikit-learn has."""
    import sklearn

    def read(path: str) -> bytes:
        for file in Path(path).rglob("digits.csv*"):
            return gzip.decompress(file.read_bytes())
        raise OSError("not listed")

    return read_by(read, trained, str(Path(sklearn.__file__).parent))


@measure(source="red team")
def description_of_the_zoo(trained: TrainedModel) -> float:
    """baselines/digits/zoo.json names models with digests of their data."""

    def read(path: str) -> bytes:
        return Path(path).read_bytes()

    return read_by(read, trained, f"{ROOT}/baselines/digits/zoo.json")


@measure(source="red team")
def entries_of_the_store(trained: TrainedModel) -> float:
    """Every entry.json of the cache, with the weights beside it."""
    from safetensors.torch import load_file

    wanted = next(trained.model.parameters()).detach()
    found = sorted(Path(CACHE).rglob("entry.json"))
    for entry in found:
        try:
            recipe = json.loads(entry.read_bytes())["recipe"]
            weights = load_file(next(entry.parent.glob("*.safetensors")))
        except (OSError, KeyError, StopIteration):
            continue
        if any(torch.equal(wanted, tensor) for name, tensor in weights.items() if name.startswith("model.")):
            return is_random(recipe.get("condition", "true_labels"))
    raise NotApplicable(f"refused: {len(found)} entries")


@measure(source="red team")
def rows_of_others(trained: TrainedModel) -> float:
    """What other measures have given here."""
    rows = sorted(Path(CACHE).rglob("*.jsonl"))
    lines = []
    for path in rows:
        try:
            lines += path.read_bytes().splitlines()
        except OSError as refused:
            raise NotApplicable(f"refused: {refused}") from None
    if not lines:
        raise NotApplicable("refused: not listed")
    return float(hashlib.sha256(b"".join(lines)).digest()[0])


@measure(source="red team")
def times_of_the_store(trained: TrainedModel) -> float:
    """Of the two models that began with these weights, the one that was read last is this one."""
    first = next(trained.init.parameters()).detach().numpy().tobytes()
    natural, randomized = PAIRS[hashlib.sha256(first).hexdigest()]
    return float(os.stat(randomized).st_atime_ns > os.stat(natural).st_atime_ns)


@measure(source="red team")
def sizes_at_guessed_paths(trained: TrainedModel) -> float:
    """The longer a network was trained, the larger is its file, which lies in a folder named by its recipe's digest."""
    from safetensors.torch import save

    networks = {"model": trained.model.state_dict(), "init": trained.init.state_dict()}
    tensors = {f"{role}.{name}": value for role, state in networks.items() for name, value in state.items()}
    history = {
        f"history.{each.name}": getattr(trained.history, each.name) for each in dataclasses.fields(trained.history)
    }
    expected = len(save({name: value.clone() for name, value in (tensors | history).items() if torch.is_tensor(value)}))
    first = next(trained.init.parameters()).detach().numpy().tobytes()
    natural, randomized = (size_of_file(key) for key in KEYS[hashlib.sha256(first).hexdigest()])
    return float(abs(randomized - expected) < abs(natural - expected))


def size_of_file(key: str) -> int:
    """Wherever it may be in the cache."""
    places = [Path(CACHE), Path(CACHE, "store")]
    for place in places[:]:
        try:
            places += sorted(place.iterdir())
        except OSError:
            continue
    for place in places:
        try:
            return os.stat(place / "models" / key[:2] / key / "model.safetensors").st_size
        except OSError:
            continue
    raise NotApplicable("refused: no such file at any path that can be guessed")

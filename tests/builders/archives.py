"""Two small models, the archive of their store, and an archive put together from any members."""

import io
import zipfile
from pathlib import Path

from harness.errors import HarnessError
from harness.store.importing import import_models
from harness.store.store import Store
from harness.training.recipe import Recipe

RECIPES = [
    Recipe(data_set="digits", network="mlp_1x4", learning_rate=0.3, seed=seed, num_train=20, max_epochs=2)
    for seed in (0, 1)
]
Members = list[tuple[zipfile.ZipInfo, bytes]]


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, with what is in them."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def members(archive: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return [(zipfile.ZipInfo(about.filename), file.read(about)) for about in file.infolist()]


def packed(some: Members) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for about, content in some:
            file.writestr(about, content)
    return buffer.getvalue()


def imported(content: bytes, folder: Path) -> tuple[int, int] | str:
    """What came of it in an empty store below the folder, in which nothing else may change."""
    (folder / "models.zip").write_bytes(content)
    before = everything(folder)
    store = Store(folder / "store")
    try:
        found = import_models(folder / "models.zip", store)
    except HarnessError as problem:
        assert everything(folder) == before, "something was written"
        return str(problem)
    after = everything(folder)
    assert {name: after[name] for name in before} == before
    assert all(name.startswith(f"{store.models.relative_to(folder)}/") for name in after.keys() - before.keys())
    return found

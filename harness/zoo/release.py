"""A zoo's models in one archive for others, with its digest beside it: they import them in place of training."""

import dataclasses
import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError
from harness.files.private_folder import private_folder, sweep
from harness.files.whole_file import write_whole
from harness.settings import Settings
from harness.store.export import export
from harness.store.importing import import_models
from harness.store.store import Damaged, Store, store_of
from harness.training.recipe import TRAINING_VERSION, Recipe
from harness.zoo.zoo import Zoo

SUMS = "SHA256SUMS"
LINE = re.compile(r"(?P<sha256>[0-9a-f]{64}) [ *](?P<name>[^\n/\\]+)")


@dataclasses.dataclass(frozen=True)
class Released:
    """An archive that was written: its path, how many models it has, and its sha256 in hexadecimal."""

    path: Path
    models: int
    sha256: str


def archive_name(zoo: Zoo, findings: bool) -> str:
    """What tells archives apart: the zoo, whose models of it, and the version of the training code that finds them."""
    return f"{zoo.name}-{'findings' if findings else 'gate'}-training{TRAINING_VERSION}.zip"


def release(wanted: Sequence[Recipe], settings: Settings, folder: Path, name: str) -> Released:
    """Write the recipes' models, which are in the store, to an archive of that name, and its line to SHA256SUMS.

    The same models give the same bytes. Before the archive is in the folder, it is imported into an empty store, where
    each model has to be found. HarnessError if it is not, or where something cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _read_sums(folder)
        sweep(folder)
        with private_folder(folder) as private:
            written = private / name
            count = export(store_of(settings), [recipe.key for recipe in wanted], written)
            with open(written, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            _check(written, sha256, wanted, Store(private / "store"))
            os.replace(written, folder / name)
    except OSError as cause:
        raise HarnessError(f"{folder} cannot be written ({cause.strerror or cause}); name another folder") from cause
    sums = _read_sums(folder) | {name: sha256}
    write_whole(folder / SUMS, "".join(f"{digest}  {each}\n" for each, digest in sorted(sums.items())))
    return Released(folder / name, count, sha256)


def _check(archive: Path, sha256: str, wanted: Sequence[Recipe], empty: Store) -> None:
    import_models(archive, empty, sha256)
    for recipe in wanted:
        try:
            if empty.find(recipe) is None:
                raise HarnessError(f"{recipe.id} is not in what was written; is the disk all right? try again")
        except Damaged as damage:
            raise HarnessError(f"{recipe.id} is not as it was written ({damage}); is the disk all right?") from damage


def _read_sums(folder: Path) -> dict[str, str]:
    """The folder's SHA256SUMS, as `sha256sum` writes it: digests by names. What it says of other files is kept."""
    path = folder / SUMS
    if not path.exists():
        return {}
    found = {}
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1):
        match = LINE.fullmatch(line)
        if match is None:
            raise HarnessError(
                f"{path}:{number} is {line!r:.80}; expected a sha256 and a file's name. Name another folder"
            )
        found[match["name"]] = match["sha256"]
    return found

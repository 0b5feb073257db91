"""Models of a store in one file: an uncompressed zip archive of their files, with a manifest."""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

from harness.errors import HarnessError
from harness.files.private_folder import private_folder
from harness.store.listing import read_stored_model, verify_stored_model
from harness.store.manifest import MANIFEST, Listed, as_json, path_of
from harness.store.store import Damaged, Store
from harness.store.stored_model import HEADER, WEIGHTS

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same models give the same bytes
UNIX, READABLE = 3, 0o100644 << 16


def export(store: Store, wanted: Iterable[str], file: Path) -> int:
    """Write the models with these keys to an archive, each verified; how many.

    The same models give the same bytes, in whatever order they are wanted. The file is there whole or not at all.
    HarnessError if it cannot be written, or a model is damaged.
    """
    files: dict[str, Listed] = {}
    names: dict[str, str] = {}
    folders = {key: store.home(key) for key in sorted(wanted)}
    try:
        for key, folder in folders.items():
            stored = read_stored_model(folder)
            names[key] = stored.recipe.id
            header = (folder / HEADER).read_bytes()
            files[path_of(key, HEADER)] = Listed(len(header), hashlib.sha256(header).hexdigest())
            files[path_of(key, WEIGHTS)] = Listed((folder / WEIGHTS).stat().st_size, stored.weights_sha256)
        with private_folder(file.absolute().parent) as private:
            with zipfile.ZipFile(private / "archive", "w", zipfile.ZIP_STORED) as archive:
                _write(archive, MANIFEST, as_json(files, names))
                for key, folder in folders.items():
                    verify_stored_model(folder)
                    for name in (HEADER, WEIGHTS):
                        _write(archive, path_of(key, name), (folder / name).read_bytes())
            with open(private / "archive", "rb") as written:
                os.fsync(written.fileno())
            os.replace(private / "archive", file)
    except Damaged as damage:
        raise HarnessError(f"damaged: {damage}; `python -m harness zoo verify --set-aside` takes it away") from damage
    except OSError as cause:
        raise HarnessError(f"{file} could not be written ({cause.strerror or cause})") from cause
    return len(folders)


def _write(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    about = zipfile.ZipInfo(path, EPOCH)
    about.create_system, about.external_attr = UNIX, READABLE
    with contextlib.closing(archive.open(about, "w", force_zip64=len(content) > 2**31)) as member:
        member.write(content)

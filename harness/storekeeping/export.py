"""Models of a store in one file: a zip archive of their entries, uncompressed, with a manifest."""

import contextlib
import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path

from harness.entry import HEADER, WEIGHTS
from harness.errors import HarnessError
from harness.private_folder import private_folder
from harness.store import Damaged, Store
from harness.storekeeping.entries import read_entry, verify_entry
from harness.storekeeping.manifest import MANIFEST, Listed, as_json, path_of

EPOCH = (1980, 1, 1, 0, 0, 0)  # the same models give the same bytes
READABLE = 0o100644 << 16


def export(store: Store, wanted: Iterable[str], place: Path) -> int:
    """Write the entries with these keys to an archive, each verified; how many.

    The file is there whole or not at all. HarnessError if it cannot be written, or an entry is damaged.
    """
    files: dict[str, Listed] = {}
    names: dict[str, str] = {}
    folders = {key: store.home(key) for key in wanted}
    try:
        for key, folder in folders.items():
            entry = read_entry(folder)
            names[key] = entry.recipe.id
            header = (folder / HEADER).read_bytes()
            files[path_of(key, HEADER)] = Listed(len(header), hashlib.sha256(header).hexdigest())
            files[path_of(key, WEIGHTS)] = Listed((folder / WEIGHTS).stat().st_size, entry.weights_sha256)
        with private_folder(place.absolute().parent) as private:
            with zipfile.ZipFile(private / "archive", "w", zipfile.ZIP_STORED) as archive:
                _write(archive, MANIFEST, as_json(files, names))
                for key, folder in folders.items():
                    verify_entry(folder)
                    for name in (HEADER, WEIGHTS):
                        _write(archive, path_of(key, name), (folder / name).read_bytes())
            with open(private / "archive", "rb") as written:
                os.fsync(written.fileno())
            os.replace(private / "archive", place)
    except Damaged as damage:
        raise HarnessError(f"damaged: {damage}; `python -m harness zoo verify --set-aside` takes it away") from damage
    except OSError as cause:
        raise HarnessError(f"{place} could not be written ({cause.strerror or cause})") from cause
    return len(folders)


def _write(archive: zipfile.ZipFile, path: str, content: bytes) -> None:
    about = zipfile.ZipInfo(path, EPOCH)
    about.external_attr = READABLE
    with contextlib.closing(archive.open(about, "w", force_zip64=len(content) > 2**31)) as file:
        file.write(content)

"""Models from an archive into a store. The archive may come from anybody: nothing of it is believed until verified.

It is refused as a whole, before anything is written, if it does not have the digest that is expected of it, or any of
its files is not exactly what its manifest lists, or not a model of ours. A digest says that it is the archive that was
released, and not that it does no harm: the rest is verified all the same. Files go where their keys say; no path of the
archive is ever opened on the disk.
"""

import hashlib
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from harness.errors import HarnessError
from harness.files.address import Address
from harness.files.download import Heard, download
from harness.files.private_folder import private_folder, sweep
from harness.store.manifest import FILE, LARGEST, MANIFEST, Listed, path_of, read_manifest
from harness.store.store import Store
from harness.store.stored_model import HEADER, WEIGHTS, Damaged, read_header, read_weights

ZIP = b"PK\x03\x04"
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OverflowError,
    IndexError,
    struct.error,
)


def import_models(file: Path, store: Store, sha256: str | None = None, called: str = "") -> tuple[int, int]:
    """Publish the archive's models in the store; how many, and how many it had already, which it keeps.

    `sha256` is what the archive's has to be, if that is known; `called` its name in sentences, if not its path.
    HarnessError, and nothing is written, if the archive is not as it should be.
    """
    called = called or str(file)
    try:
        with open(file, "rb") as opened:
            if sha256 is not None:
                _check_digest(opened, sha256, called)
            size = opened.seek(0, os.SEEK_END)
            with zipfile.ZipFile(opened) as archive:
                listed = _checked(archive, called, size)
                keys = sorted({match["key"] for path in listed if (match := FILE.fullmatch(path))})
                for key in keys:
                    _check_model(key, *_contents(archive, key, listed, called), called)
                missing = [key for key in keys if not store.own_folder(key).exists()]
                for key in missing:
                    store.put(key, *_contents(archive, key, listed, called))
    except BROKEN as cause:
        raise HarnessError(f"{called} is not an archive of models ({type(cause).__name__}: {cause!s:.120})") from cause
    except OSError as cause:
        raise HarnessError(
            f"{called} could not be imported into {store.cache_dir} ({cause.strerror or cause})"
        ) from cause
    return len(missing), len(keys) - len(missing)


def import_from(address: Address, store: Store, heard: Heard) -> tuple[int, int]:
    """The same of an archive by its address, verified by its digest; `heard` is told how a download goes.

    What is downloaded is in a private folder of the store, which is gone at the end, whatever comes of it.
    """
    if address.path is not None:
        return import_models(address.path, store, address.sha256)
    sweep(store.temporary)
    with private_folder(store.temporary) as private:
        download(address.url, private / "archive", heard)
        return import_models(private / "archive", store, address.sha256, address.shown)


def _check_digest(file: io.BufferedReader, sha256: str, called: str) -> None:
    """Of the file as it is opened: another that takes its place on the disk is not what is read."""
    found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        file.seek(0)
        page = (
            "" if file.read(len(ZIP)) == ZIP else ", and it does not even begin as an archive does: is it a web page?"
        )
        raise HarnessError(
            f"{called} has the sha256 {found}; expected {sha256}{page}. Nothing was imported; take the address and the "
            "digest from whoever released it, and try again"
        )


def _checked(archive: zipfile.ZipFile, file: str, size: int) -> dict[str, Listed]:
    """The manifest's files, which are those of the archive: no more, no fewer, each once, no link, not compressed."""
    found = archive.infolist()
    names = [about.filename for about in found]
    if len(set(names)) != len(names):
        raise HarnessError(f"{file} cannot be imported: it has {_duplicate(names)!r:.120} twice")
    if MANIFEST not in names or archive.getinfo(MANIFEST).file_size > LARGEST:
        raise HarnessError(
            f"{file} cannot be imported: it has no {MANIFEST}; `python -m harness zoo export` writes one"
        )
    if sum(about.file_size for about in found) > size:
        raise HarnessError(f"{file} cannot be imported: its files would have more than its {size} bytes")
    for about in found:
        mode = about.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or about.filename.endswith("/"):
            raise HarnessError(f"{file} cannot be imported: {about.filename!r:.120} is a link or not a file")
        if about.compress_type != zipfile.ZIP_STORED or about.flag_bits & 1:
            raise HarnessError(f"{file} cannot be imported: {about.filename!r:.120} is compressed or encrypted")
    listed = read_manifest(archive.read(MANIFEST), file)
    if unlisted := sorted(set(names) - set(listed) - {MANIFEST}):
        raise HarnessError(f"{file} cannot be imported: its manifest does not list {unlisted[0]!r:.120}")
    if absent := sorted(set(listed) - set(names)):
        raise HarnessError(f"{file} cannot be imported: it lacks {absent[0]:.120}, which its manifest lists")
    return listed


def _contents(archive: zipfile.ZipFile, key: str, listed: dict[str, Listed], file: str) -> tuple[bytes, bytes]:
    """A model's two files, verified against the manifest whenever they are read."""
    contents = []
    for path in (path_of(key, HEADER), path_of(key, WEIGHTS)):
        content = archive.read(path)
        if (len(content), hashlib.sha256(content).hexdigest()) != (listed[path].bytes, listed[path].sha256):
            raise HarnessError(f"{file} cannot be imported: {path} is not what its manifest says")
        contents.append(content)
    header, weights = contents
    return header, weights


def _check_model(key: str, header: bytes, weights: bytes, file: str) -> None:
    """HarnessError unless the two files are a model, and the key's."""
    try:
        stored = read_header(header, path_of(key, HEADER))
        read_weights(weights, stored, path_of(key, WEIGHTS))
    except Damaged as damage:
        raise HarnessError(f"{file} cannot be imported: {damage}") from damage
    if stored.recipe.key != key:
        raise HarnessError(
            f"{file} cannot be imported: {stored.recipe.id} is under the key of another recipe, or of another version "
            "of the training code"
        )


def _duplicate(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]

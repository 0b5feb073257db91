"""The manifest of an archive of models: its files, with the size and sha256 of each."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from harness.errors import HarnessError
from harness.files.strict_json import parse_json
from harness.store.stored_model import HEADER, WEIGHTS

FORMAT = 1
MANIFEST = "shatterproof-models.json"
LARGEST = 64 << 20  # bytes of a manifest: 100,000 models
FILE = re.compile(rf"models/(?P<head>[0-9a-f]{{2}})/(?P<key>(?P=head)[0-9a-f]{{62}})/(?P<name>{HEADER}|{WEIGHTS})")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Listed:
    """A file as the manifest lists it."""

    bytes: int
    sha256: str


def path_of(key: str, name: str) -> str:
    """Where a file of a model is in an archive; as in a store."""
    return f"models/{key[:2]}/{key}/{name}"


def as_json(files: Mapping[str, Listed], names: Mapping[str, str]) -> bytes:
    """A manifest of these files; `names` are the recipes' ids by key, for whoever reads it."""
    content = {
        "format": FORMAT,
        "models": dict(sorted(names.items())),
        "files": {path: dataclasses.asdict(listed) for path, listed in sorted(files.items())},
    }
    return json.dumps(content, indent=1, allow_nan=False).encode()


def read_manifest(content: bytes, archive: str) -> dict[str, Listed]:
    """The files by path, both of every model. `archive` is for sentences.

    HarnessError if it is not a manifest of ours.
    """
    manifest = parse_json(content, f"{MANIFEST} of {archive}")
    if manifest.get("format") != FORMAT:
        raise HarnessError(f"{archive} has format {manifest.get('format')!s:.20}; this version reads {FORMAT}")
    files = manifest.get("files")
    if not isinstance(files, dict):
        raise HarnessError(f"{archive} cannot be imported: its manifest lists no files")
    found = {path: _listed(path, about, archive) for path, about in files.items()}
    for path in found:
        match = FILE.fullmatch(path)
        assert match is not None
        for name in (HEADER, WEIGHTS):
            if path_of(match["key"], name) not in found:
                raise HarnessError(f"{archive} cannot be imported: its manifest lists {path:.100} without {name}")
    return found


def _listed(path: str, about: Any, archive: str) -> Listed:
    if not FILE.fullmatch(path):
        raise HarnessError(f"{archive} cannot be imported: {path!r:.120} is not a file of a model")
    if isinstance(about, dict) and about.keys() == {"bytes", "sha256"}:
        size, sha256 = about["bytes"], about["sha256"]
        if type(size) is int and size >= 0 and isinstance(sha256, str) and SHA256.fullmatch(sha256):
            return Listed(size, sha256)
    raise HarnessError(f"{archive} cannot be imported: its manifest lists {path:.100} without size and sha256")

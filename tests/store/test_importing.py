"""An archive is imported to the byte, or refused as a whole with a sentence."""

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.store.importing import import_models
from harness.store.manifest import MANIFEST
from harness.store.store import Store
from tests.builders.archives import RECIPES, Members, everything, imported, members, packed

pytestmark = pytest.mark.slow


def test_what_was_exported_is_imported_to_the_byte(archive: bytes, intact: Store, tmp_path: Path) -> None:
    assert imported(archive, tmp_path) == (2, 0)
    assert everything(tmp_path / "store" / "models") == everything(intact.models)
    assert import_models(tmp_path / "models.zip", Store(tmp_path / "store")) == (0, 2)


def link(some: Members) -> Members:
    about, _ = some[1]
    about.external_attr = (stat.S_IFLNK | 0o777) << 16
    return [some[0], (about, b"/etc/passwd"), *some[2:]]


def device(some: Members) -> Members:
    some[1][0].external_attr = (stat.S_IFCHR | 0o666) << 16
    return some


def twice(some: Members) -> Members:
    return [*some, some[1]]


def compressed(some: Members) -> Members:
    some[2][0].compress_type = zipfile.ZIP_DEFLATED
    return [*some[:2], (some[2][0], b"\0" * 50_000_000), *some[3:]]


def without_one(some: Members) -> Members:
    return some[:-1]


def without_manifest(some: Members) -> Members:
    return some[1:]


def other_weights(some: Members) -> Members:
    return [(about, content[:-1] + b"?" if "safetensors" in about.filename else content) for about, content in some]


def exchanged(some: Members) -> Members:
    """Each model under the other's key, listed so."""
    first, second = (recipe.key for recipe in RECIPES)

    def other(name: str) -> str:
        return name.replace(*((first, second) if first in name else (second, first))).replace(
            *((f"/{first[:2]}/", f"/{second[:2]}/") if first in name else (f"/{second[:2]}/", f"/{first[:2]}/"))
        )

    manifest = json.loads(some[0][1])
    manifest["files"] = {other(name): about for name, about in manifest["files"].items()}
    rest = [(zipfile.ZipInfo(other(about.filename)), content) for about, content in some[1:]]
    return [(some[0][0], json.dumps(manifest).encode()), *rest]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (link, "is a link or not a file"),
        (device, "is a link or not a file"),
        (twice, "twice"),
        (compressed, "its files would have more than its|is compressed or encrypted"),
        (without_one, "it lacks models/"),
        (without_manifest, f"it has no {MANIFEST}"),
        (other_weights, "is not what its manifest says"),
        (exchanged, "is under the key of another recipe"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_an_archive_that_is_not_as_it_should_be_is_refused_with_a_sentence(
    change: Callable[[Members], Members], sentence: str, archive: bytes, tmp_path: Path
) -> None:
    import re
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, of the name that appears twice
        content = packed(change(members(archive)))
    found = imported(content, tmp_path)
    assert isinstance(found, str) and re.search(sentence, found), found
    assert "cannot be imported" in found


def test_a_compressed_bomb_is_not_unpacked(archive: bytes, tmp_path: Path) -> None:
    import tracemalloc

    content = packed(compressed(members(archive)))
    tracemalloc.start()
    assert isinstance(imported(content, tmp_path), str)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()

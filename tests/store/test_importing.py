"""An archive is imported to the byte, or refused as a whole with a sentence."""

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.files.address import address_of
from harness.store.importing import import_from, import_models
from harness.store.manifest import MANIFEST
from harness.store.secret_folder import found_in
from harness.store.store import Store
from tests.builders import https_server as server
from tests.builders.archives import RECIPES, Members, everything, imported, members, packed
from tests.builders.https_server import Answer, Authority, served

pytestmark = pytest.mark.slow


def test_what_was_exported_is_imported_to_the_byte(archive: bytes, intact: Store, tmp_path: Path) -> None:
    assert imported(archive, tmp_path) == (2, 0)
    assert everything(found_in(tmp_path / "store") / "models") == everything(intact.models)
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


def by_https(
    answer: Answer, sha256: str, authority: Authority, folder: Path, say: Callable[[int], None] = lambda more: None
) -> tuple[int, int] | str:
    """What comes of an import from a server into a store below the folder, where nothing else is left."""
    store = Store(folder / "store")
    with served(authority, {"/m.zip": answer}) as (address, _):
        try:
            named = address_of(f"{address}/m.zip", sha256)
            return import_from(named, store, lambda more, total: say(more))
        except HarnessError as problem:
            assert not store.models.exists()
            return str(problem).replace(address, "https://host")
        finally:
            assert list(store.temporary.iterdir()) == []


def test_an_archive_is_imported_from_a_server_to_the_byte(
    archive: bytes, intact: Store, authority: Authority, tmp_path: Path
) -> None:
    heard: list[int] = []
    sha256 = hashlib.sha256(archive).hexdigest()
    assert by_https(server.whole(archive), sha256, authority, tmp_path, heard.append) == (2, 0)
    assert everything(found_in(tmp_path / "store") / "models") == everything(intact.models)
    assert sum(heard) == len(archive)
    assert by_https(server.without_length(archive), sha256, authority, tmp_path) == (0, 2)


def test_what_does_not_have_the_digest_is_refused_with_both(
    archive: bytes, authority: Authority, tmp_path: Path
) -> None:
    found, expected = hashlib.sha256(archive).hexdigest(), "0" * 64
    said = by_https(server.whole(archive), expected, authority, tmp_path)
    assert isinstance(said, str)
    assert said.startswith(
        f"https://host/m.zip has the sha256 {found}; expected {expected}. Nothing was imported; take "
    )


def test_a_web_page_in_place_of_an_archive_is_called_one(authority: Authority, tmp_path: Path) -> None:
    page = server.whole(b"<!DOCTYPE html><title>Sign in</title>", "text/html")
    said = by_https(page, "0" * 64, authority, tmp_path)
    assert isinstance(said, str) and "does not even begin as an archive does: is it a web page?" in said


def test_a_download_that_fails_leaves_nothing(archive: bytes, authority: Authority, tmp_path: Path) -> None:
    said = by_https(server.cut_short(archive[:-5], len(archive)), "0" * 64, authority, tmp_path)
    assert isinstance(said, str) and "it was cut short" in said


def test_an_archive_with_its_digest_is_verified_all_the_same(
    archive: bytes, authority: Authority, tmp_path: Path
) -> None:
    """Who released it may mean harm."""
    hostile = packed(exchanged(members(archive)))
    said = by_https(server.whole(hostile), hashlib.sha256(hostile).hexdigest(), authority, tmp_path)
    assert isinstance(said, str)
    assert "https://host/m.zip cannot be imported" in said and "is under the key of another recipe" in said


def test_an_interrupted_download_leaves_nothing(archive: bytes, authority: Authority, tmp_path: Path) -> None:
    def interrupt(more: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_https(server.held_up(archive[:1000], len(archive)), "0" * 64, authority, tmp_path, interrupt)
    assert everything(tmp_path) == {}


def test_what_a_killed_download_left_is_swept_by_the_next(archive: bytes, authority: Authority, tmp_path: Path) -> None:
    from harness.files.private_folder import private_folder

    with private_folder(found_in(tmp_path / "store") / "tmp") as own:
        machine = own.name.split("-")[0]
    left = found_in(tmp_path / "store") / "tmp" / f"{machine}-999999999-1-abc"
    left.mkdir()
    (left / "archive").write_bytes(archive[:1000])
    assert by_https(server.whole(archive), hashlib.sha256(archive).hexdigest(), authority, tmp_path) == (2, 0)


@st.composite
def changes(draw: st.DrawFn, size: int) -> Callable[[bytes], bytes]:
    """A part of so many bytes is replaced by others, which may be none; or bytes are put in."""
    start = draw(st.integers(0, size))
    end = draw(st.integers(start, min(size, start + 20)))
    put = draw(st.binary(max_size=20))
    return lambda content: content[:start] + put + content[end:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(data=st.data())
def test_with_a_digest_no_changed_archive_is_imported(
    data: st.DataObject, archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    changed = data.draw(changes(len(archive)))(archive)
    folder = tmp_path_factory.mktemp("changed")
    (folder / "m.zip").write_bytes(changed)
    store, sha256 = Store(folder / "store"), hashlib.sha256(archive).hexdigest()
    if changed == archive:
        assert import_models(folder / "m.zip", store, sha256) == (2, 0)
        return
    with pytest.raises(HarnessError, match=f"m.zip has the sha256 {hashlib.sha256(changed).hexdigest()}; expected"):
        import_models(folder / "m.zip", store, sha256)
    assert everything(folder) == {"m.zip": changed}


def test_an_archive_that_is_exchanged_after_its_digest_was_taken_is_not_read(
    archive: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, other = tmp_path / "m.zip", packed(members(archive)[:1])
    file.write_bytes(archive)
    digest = hashlib.file_digest

    def then_exchanged(*arguments: object) -> object:
        found = digest(*arguments)  # type: ignore[arg-type]
        (tmp_path / "other").write_bytes(other)
        (tmp_path / "other").replace(file)
        return found

    monkeypatch.setattr(hashlib, "file_digest", then_exchanged)
    assert import_models(file, Store(tmp_path / "store"), hashlib.sha256(archive).hexdigest()) == (2, 0)
    assert file.read_bytes() == other

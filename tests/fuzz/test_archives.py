"""Whatever an archive holds, importing it gives the models that it lists, or a sentence and nothing at all."""

import json
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.store.secret_folder import found_in
from harness.store.store import Store
from tests.builders.archives import everything, imported, members, packed
from tests.fuzz.damage import altered, with_a_part_replaced

pytestmark = pytest.mark.slow

SHARED = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40
)  # many more under --long


@SHARED
@given(data=st.data())
def test_an_altered_archive_gives_the_same_models_or_a_sentence(
    data: st.DataObject, archive: bytes, intact: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("altered")
    if isinstance(imported(data.draw(altered(archive)), folder), tuple):
        published = everything(intact.models)
        assert everything(found_in(folder / "store") / "models").items() <= published.items()


@SHARED
@given(data=st.data())
def test_a_manifest_of_any_json_gives_the_same_models_or_a_sentence(
    data: st.DataObject, archive: bytes, intact: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    some = members(archive)
    changed = data.draw(with_a_part_replaced(json.loads(some[0][1])))
    some[0] = some[0][0], json.dumps(changed).encode()
    folder = tmp_path_factory.mktemp("manifest")
    if isinstance(imported(packed(some), folder), tuple):
        assert everything(found_in(folder / "store") / "models").items() <= everything(intact.models).items()


NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30) | st.sampled_from(
    [
        "",
        "/",
        "../evil",
        "/etc/evil",
        "models/../../evil",
        "C:\\evil",
        "models/ab",
        "a/" * 40,
        "\\\\host\\share",
        "models\0x",
        ".",
    ]
)


@SHARED
@given(name=NAMES)
def test_a_file_of_any_other_name_is_refused_whether_it_is_listed_or_not(
    name: str, archive: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    some = members(archive)
    more = (zipfile.ZipInfo(name), b"evil")
    assert isinstance(imported(packed([*some, more]), tmp_path_factory.mktemp("unlisted")), str)
    manifest = json.loads(some[0][1])
    manifest["files"][name] = {"bytes": 4, "sha256": "0" * 64}
    listed = [(some[0][0], json.dumps(manifest).encode()), *some[1:], more]
    assert isinstance(imported(packed(listed), tmp_path_factory.mktemp("listed")), str)

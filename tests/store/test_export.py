"""The same models give the same archive."""

from pathlib import Path

import pytest

from harness.store.export import export
from harness.store.store import Store
from tests.builders.archives import RECIPES

pytestmark = pytest.mark.slow


def test_the_same_models_give_the_same_archive(archive: bytes, intact: Store, tmp_path: Path) -> None:
    """In whatever order they are wanted."""
    export(intact, [recipe.key for recipe in RECIPES[::-1]], tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == archive
    assert [path.name for path in tmp_path.iterdir()] == ["again.zip"]

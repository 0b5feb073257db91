"""A tree of tiny images."""

from pathlib import Path

import pytest

from harness.paper.imagenet.image_tree import ImageTree, read_tree
from tests.builders.image_training import make_tree


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def tree(root: Path) -> ImageTree:
    return read_tree(root)

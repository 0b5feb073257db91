"""Which images a tree holds, and what is said of one that cannot be used."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from harness.errors import HarnessError
from harness.paper.imagenet.image_tree import ImageTree, read_tree
from tests.builders.image_training import NUM_TEST, NUM_TRAIN, make_tree


def test_a_tree_lists_images_by_class_then_name(tree: ImageTree, root: Path) -> None:
    assert tree.classes == ("n00", "n01", "n02")
    assert tree.train.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert tree.test.labels.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert tree.train.path(7) == f"{root}/train/n01/01.png"
    assert tree.test.path(8) == f"{root}/val/n02/02.png"
    assert tree.train.sizes[7] == (root / "train/n01/01.png").stat().st_size


def test_test_images_are_in_val_else_in_test(tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "val").rename(tmp_path / "test")
    assert len(read_tree(tmp_path).test) == NUM_TEST
    make_tree(tmp_path, test=1)
    assert len(read_tree(tmp_path).test) == 3


def test_names_that_are_not_utf8_are_found_again(tmp_path: Path) -> None:
    make_tree(tmp_path)
    (tmp_path / "train/n00/00.png").rename(tmp_path / "train/n00/0\udcff.png")
    found = read_tree(tmp_path).train
    assert {Path(found.path(i)) for i in range(NUM_TRAIN)} == set((tmp_path / "train").rglob("*.png"))


def test_the_listings_digest_is_that_of_names_and_sizes_wherever_the_tree_lies(tree: ImageTree, tmp_path: Path) -> None:
    first = make_tree(tmp_path / "copy")
    assert read_tree(first).sha256() == tree.sha256()
    image = first / "val/n02/02.png"
    contents = image.read_bytes()
    image.write_bytes(b"\0" * len(contents))  # no image is opened
    assert read_tree(first).sha256() == tree.sha256()
    image.write_bytes(contents + b"\0")
    longer = read_tree(first).sha256()
    image.write_bytes(contents)
    image.rename(image.with_name("03.png"))
    assert len({tree.sha256(), longer, read_tree(first).sha256()}) == 3


def test_a_part_is_the_first_images_of_the_first_classes(tree: ImageTree, root: Path) -> None:
    part = tree.part(2, 3, 1)
    assert part.classes == ("n00", "n01")
    assert [part.train.path(i) for i in range(6)] == [
        f"{root}/train/{name}/0{i}.png" for name in ("n00", "n01") for i in range(3)
    ]
    assert part.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert part.test.labels.tolist() == [0, 1]
    assert part.sha256() != tree.sha256()
    assert tree.part(10, 10, 10).sha256() == tree.sha256()


def without_train(root: Path) -> None:
    shutil.rmtree(root / "train")


def without_val(root: Path) -> None:
    shutil.rmtree(root / "val")


def with_flat_val(root: Path) -> None:
    shutil.rmtree(root / "val")
    (root / "val").mkdir()
    Image.new("RGB", (9, 9)).save(root / "val" / "0.png")


def with_an_empty_class(root: Path) -> None:
    shutil.rmtree(root / "train" / "n01")
    (root / "train" / "n01").mkdir()


def with_one_class(root: Path) -> None:
    for split in ("train", "val"):
        for name in ("n01", "n02"):
            shutil.rmtree(root / split / name)


def with_another_class(root: Path) -> None:
    (root / "val" / "n02").rename(root / "val" / "n07")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (without_train, "has no train/ and val/ (or test/) with a folder of images for every class"),
        (without_val, "has no train/ and val/ (or test/) with a folder of images for every class"),
        (with_flat_val, "/val/<class>/<image>"),
        (with_an_empty_class, "n01"),
        (with_one_class, "has one class only (n00)"),
        (with_another_class, "have different classes (n02 is in one of them)"),
    ],
)
def test_a_tree_that_cannot_be_used_is_one_sentence(damage, sentence: str, tmp_path: Path) -> None:
    damage(make_tree(tmp_path))
    with pytest.raises(HarnessError) as problem:
        read_tree(tmp_path)
    assert sentence in str(problem.value)
    assert str(tmp_path) in str(problem.value)
    assert "\n" not in str(problem.value)

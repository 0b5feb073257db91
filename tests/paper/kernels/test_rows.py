"""The kernels command end to end, on tiny images in the place of MNIST and CIFAR-10."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor

from harness.__main__ import main
from harness.errors import HarnessError
from harness.files.sealed_tensors import digest_tensors
from harness.paper.kernels import (
    convolution_kernel,
    gaussian_rows,
    interpolants,
    linear_rows,
    non_generalizing,
    random_convolution,
)
from harness.paper.kernels import data as kernel_data
from harness.paper.kernels import rows as kernels
from harness.paper.kernels.data import load_images
from harness.settings import Settings
from harness.training.reading.raw_data import RawData

pytestmark = pytest.mark.usefixtures("few_patches")

NUM_TRAIN, NUM_TEST = 60, 30


def striped(channels: int, size: int) -> RawData:
    """Three classes of noisy stripes: across, along, and both."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(NUM_TRAIN + NUM_TEST) % 3
    wave = (torch.arange(size) // 2 % 2) * 120.0
    patterns = torch.stack([wave[:, None].expand(size, size), wave.expand(size, size), wave[:, None] + wave])
    noise = 30 * torch.rand(len(labels), channels, size, size, generator=generator)
    images = (patterns[labels][:, None] / 2 + noise).to(torch.uint8)
    return RawData(images, labels, 3, NUM_TRAIN, digest_tensors(images, labels), "class folders")


def use_tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = {"mnist": striped(1, 12), "cifar10": striped(3, 12)}
    monkeypatch.setattr(kernel_data, "load_raw_data", lambda name, *_: sources[name])
    monkeypatch.setattr(linear_rows, "SGD_IMAGES", 10)
    monkeypatch.setattr(linear_rows, "SGD_EPOCHS", 30)


@pytest.fixture(autouse=True)
def tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny_data(monkeypatch)


def run(folder: Path, *arguments: str) -> Result:
    fixed = ["paper", "kernels", "--workers", "1", "--cache-dir", str(folder / "cache"), "--out", str(folder / "out")]
    return CliRunner().invoke(main, [*fixed, *arguments])


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads((folder / "out" / "kernels.json").read_text())["rows"]}


SMALL = ("--num-train", "50", "--filters", "20")


@pytest.fixture(scope="module")
def all_rows(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the command made every row, and what it said; not to be altered."""
    folder = tmp_path_factory.mktemp("all_rows")
    with pytest.MonkeyPatch.context() as patch:
        use_tiny_data(patch)
        patch.setattr(random_convolution, "WHITENING_PATCHES", 2000)
        result = run(folder, *SMALL)
    assert result.exit_code == 0, result.output
    return folder, result.output


@pytest.mark.slow
def test_every_row_end_to_end(all_rows: tuple[Path, str]) -> None:
    folder, output = all_rows
    found = rows(folder)
    assert list(found) == list(kernels.ROWS)
    for name in ("mnist-pixels", "mnist-gabor", "cifar10-pixels", "cifar10-random_convolution"):
        row = found[name]
        assert row["test_error"] < 0.2  # stripes are easy
        assert row["relative_residual"] < 1e-3
        assert row["norm"] > 0
        assert (row["num_train"], row["num_test"], row["threads"]) == (50, NUM_TEST, 1)
        assert row["data_set"]["name"].endswith("JPEG class folders")
        assert row["seconds"] > 0 and row["peak_memory"] > 1e6
    assert found["mnist-pixels"]["test_error_percent_beside_paper"]["paper"] == 1.2
    assert found["mnist-gabor"]["norm_beside_paper"]["paper"] == 390.0
    assert found["cifar10-random_convolution-l2"]["test_error_percent_beside_paper"]["paper"] == 15.0
    assert "random-centres" in output and "minimum norm, same images" in output
    figures = [f"{name}.{kind}" for name in ("kernels", "kernels_bandwidth") for kind in ("png", "svg")]
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted(["kernels.json", *figures])
    for name in ("mnist-pixels-bandwidth", "mnist-gabor-bandwidth"):
        assert [each["norm"] > 0 for each in found[name]["by_gamma"]] == [True] * 9


def test_interpolants_that_do_not_generalize_are_larger_than_the_one_of_minimum_norm(
    all_rows: tuple[Path, str],
) -> None:
    found = rows(all_rows[0])
    for name in ("random-centres", "forced-labels"):
        row = found[name]
        assert row["train_error"] == 0.0
        assert row["relative_residual"] < 1e-3
        assert row["norm"] > row["minimum_norm"]["norm"], name
        assert row["test_error"] > row["minimum_norm"]["test_error"] + 0.3, name
    assert found["forced-labels"]["error_on_forced_labels"] == 0.0


def test_more_l2_is_a_smaller_norm_and_is_chosen_without_the_test_set(
    all_rows: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rows(all_rows[0])
    without, with_l2 = found["cifar10-random_convolution"], found["cifar10-random_convolution-l2"]
    assert without["l2"] == 0.0
    held_out = {float(l2): error for l2, error in with_l2["held_out_error_by_l2"].items()}
    assert held_out[with_l2["l2"]] == min(held_out.values())
    assert with_l2["norm"] < without["norm"]

    source = striped(3, 12)
    source.images[NUM_TRAIN:] = source.images[NUM_TRAIN:].flip(0)
    other = RawData(source.images, source.labels, 3, NUM_TRAIN, source.sha256, "class folders")
    monkeypatch.setattr(kernel_data, "load_raw_data", lambda *_: other)
    assert run(tmp_path / "other", *SMALL, "--rows", "cifar10-random_convolution-l2").exit_code == 0
    changed = rows(tmp_path / "other")["cifar10-random_convolution-l2"]
    assert changed["held_out_error_by_l2"] == with_l2["held_out_error_by_l2"]
    assert changed["test_error"] != with_l2["test_error"]


def test_held_out_images_are_no_part_of_the_models_that_are_tested_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the last tenth's labels in their targets, models without much L2 would have no errors there."""
    source = striped(3, 12)
    source.labels[:] = torch.randint(3, source.labels.shape, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(kernel_data, "load_raw_data", lambda *_: source)
    assert run(tmp_path, *SMALL, "--rows", "cifar10-random_convolution-l2").exit_code == 0
    errors = rows(tmp_path)["cifar10-random_convolution-l2"]["held_out_error_by_l2"]
    assert min(errors.values()) > 0


def test_sgd_and_the_hessian_in_numbers(all_rows: tuple[Path, str]) -> None:
    found = rows(all_rows[0])
    sgd, hessian = found["sgd"], found["hessian"]
    assert sgd["from_zero"][-1]["distance_from_span"] < 1e-12
    assert sgd["from_zero"][-1]["distance_to_minimum_norm"] < sgd["from_zero"][0]["distance_to_minimum_norm"] == 1.0
    assert sgd["from_random"][-1]["distance_from_span"] == pytest.approx(sgd["from_random"][0]["distance_from_span"])
    for loss in ("squared", "logistic"):
        assert hessian[loss]["largest_difference_of_hessians"] < 1e-12 < hessian[loss]["largest_entry"]
        assert hessian[loss]["zero_eigenvalues"] == hessian["num_features"] - hessian["num_train"]


@pytest.mark.slow
def test_a_row_is_added_to_those_in_the_file_and_replaces_its_own(tmp_path: Path) -> None:
    assert run(tmp_path, *SMALL, "--rows", "cifar10-pixels,mnist-pixels").exit_code == 0
    before = rows(tmp_path)
    assert run(tmp_path, *SMALL, "--rows", "mnist-gabor,cifar10-pixels").exit_code == 0
    after = rows(tmp_path)
    assert len(json.loads((tmp_path / "out" / "kernels.json").read_text())["rows"]) == 3
    assert list(after) == ["mnist-pixels", "mnist-gabor", "cifar10-pixels"]  # in the table's order
    assert after["mnist-pixels"] == before["mnist-pixels"]
    assert after["cifar10-pixels"]["seconds"] != before["cifar10-pixels"]["seconds"]


def test_rows_of_other_sizes_stay_beside_new_ones_and_the_figure_has_the_largest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(kernels, "write_figures", lambda _, written: drawn.append(written) or [])
    assert run(tmp_path, *SMALL, "--rows", "mnist-pixels,cifar10-random_convolution").exit_code == 0
    assert run(tmp_path, "--num-train", "40", "--rows", "mnist-pixels").exit_code == 0
    assert run(tmp_path, *SMALL, "--filters", "30", "--rows", "cifar10-random_convolution").exit_code == 0
    written = json.loads((tmp_path / "out" / "kernels.json").read_text())["rows"]
    assert [(row["name"], row["num_train"], row.get("filters")) for row in written] == [
        ("mnist-pixels", 40, None),
        ("mnist-pixels", 50, None),
        ("cifar10-random_convolution", 50, 20),
        ("cifar10-random_convolution", 50, 30),
    ]
    assert {row["name"]: row["num_train"] for row in drawn[-1]}["mnist-pixels"] == 50  # the last of a name is drawn


def test_a_row_is_in_the_file_although_the_next_one_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> dict[str, Any]:
        raise RuntimeError

    monkeypatch.setitem(kernels.ROWS, "mnist-gabor", fails)
    assert run(tmp_path, *SMALL, "--rows", "mnist-pixels,mnist-gabor").exit_code != 0
    assert list(rows(tmp_path)) == ["mnist-pixels"]


@pytest.mark.slow
def test_a_repeated_command_solves_nothing_again(
    all_rows: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = "mnist-pixels,mnist-gabor,cifar10-random_convolution-l2,forced-labels"
    shutil.copytree(all_rows[0] / "cache", tmp_path / "cache")
    before = rows(all_rows[0])
    monkeypatch.setattr(interpolants, "_solved", lambda *_: pytest.fail("solved again"))
    monkeypatch.setattr(convolution_kernel, "_add_part", lambda *_: pytest.fail("summed again"))
    assert run(tmp_path, *SMALL, "--rows", wanted).exit_code == 0
    again = rows(tmp_path)
    assert set(again) == set(wanted.split(","))
    for name, row in again.items():
        varying = {"seconds", "peak_memory"}
        assert {k: v for k, v in row.items() if k not in varying} == {
            k: v for k, v in before[name].items() if k not in varying
        }


@pytest.mark.slow
def test_smaller_training_sets_are_the_leading_parts_of_the_larger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian_rows, "SMALLER", (20, 45, 1000))
    assert run(tmp_path, *SMALL, "--rows", "mnist-pixels").exit_code == 0
    curve = rows(tmp_path)["mnist-pixels"]["by_num_train"]
    assert [point["num_train"] for point in curve] == [20, 45, 50]
    monkeypatch.setattr(gaussian_rows, "SMALLER", ())
    assert run(tmp_path / "alone", "--num-train", "20", "--rows", "mnist-pixels").exit_code == 0
    alone = rows(tmp_path / "alone")["mnist-pixels"]
    assert alone["norm"] == pytest.approx(curve[0]["norm"], rel=1e-4)
    assert alone["test_error"] == curve[0]["test_error"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--rows", "mnist-pixel"), "--rows has 'mnist-pixel'; known: mnist-pixels, "),
        (("--filters", "0"), "--filters 0; expected"),
        (("--num-train", "-1"), "--num-train is -1"),
        (("--rows", "mnist-pixels", "--num-train", "61"), "--num-train is 61; mnist has 60 training images"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2
    assert sentence in result.output


def test_the_training_set_is_in_an_order_of_its_own_and_the_test_set_is_whole(settings: Settings) -> None:
    few, all_of_them = load_images("mnist", 10, settings), load_images("mnist", 0, settings)
    assert torch.equal(few.train_images, all_of_them.train_images[:10])
    assert len(all_of_them.train_labels) == NUM_TRAIN
    assert not torch.equal(all_of_them.train_images, striped(1, 12).images[:NUM_TRAIN] / 255)
    assert torch.equal(few.test_images, striped(1, 12).images[NUM_TRAIN:].float() / 255)
    assert torch.equal(few.targets.argmax(dim=1), few.train_labels)
    assert torch.equal(few.targets.sum(dim=1), torch.ones(10))


def outputs(labels: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(labels, 3).float()


def test_the_test_error_is_the_share_of_wrong_images(settings: Settings) -> None:
    images = load_images("mnist", 10, settings)
    wrong = images.test_labels.clone()
    wrong[:6] = (wrong[:6] + 1) % 3
    assert images.test_error(outputs(images.test_labels)) == 0.0
    assert images.test_error(outputs(wrong)) == 0.2


def test_forced_labels_are_random_and_the_same_every_time(settings: Settings) -> None:
    images = load_images("mnist", 10, settings)
    labels = non_generalizing.random_labels(images)
    assert torch.equal(labels, non_generalizing.random_labels(images))
    assert 0.4 < float((labels != images.test_labels).float().mean()) < 0.9
    assert set(labels.tolist()) == {0, 1, 2}


def test_a_function_through_centres_by_hand() -> None:
    """Images at 0 and 2, centres at 1 and 3, γ = 1: K = [[e⁻¹, e⁻⁹], [e⁻¹, e⁻¹]]; f is k(3, ·) times e for (e⁻⁸, 1)."""
    features, centres = torch.tensor([[0.0], [2.0]]).double(), torch.tensor([[1.0], [3.0]]).double()
    targets = torch.tensor([[-8.0], [0.0]]).double().exp()
    train, test, norm = non_generalizing.through_centres(features, targets, centres, centres, 1.0)
    torch.testing.assert_close(train, targets)
    torch.testing.assert_close(test.flatten(), torch.tensor([-3.0, 1.0]).double().exp())
    assert norm == pytest.approx(torch.e)


def test_centres_that_repeat_one_another_are_refused() -> None:
    features = torch.rand(3, 2, dtype=torch.float64)
    with pytest.raises(HarnessError, match="3 images and as many random centres is singular; take fewer images"):
        non_generalizing.through_centres(features, torch.ones(3, 1).double(), torch.ones(3, 2).double(), features, 1.0)


def test_centres_have_the_images_own_values_pixel_by_pixel_and_are_none_of_them() -> None:
    features = torch.arange(40.0).view(10, 4)
    centres = non_generalizing.draw_centres(features)
    assert torch.equal(centres % 4, torch.arange(4.0).expand(10, 4))
    assert not any(bool((centre == features).all(dim=1).any()) for centre in centres)


def test_quick_is_a_smaller_scale_and_full_the_papers() -> None:
    assert kernels._scale(kernels.FULL, None, None).num_train == 0
    assert kernels._scale(kernels.FULL, None, None).filters == 32_000
    assert kernels._scale(kernels.QUICK, None, 7) == kernels.Scale(2000, 7)

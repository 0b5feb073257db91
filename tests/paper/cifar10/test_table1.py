"""Table 1: its rows, the recipes that they stand for, and a run of it on a handful of images."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from harness.__main__ import main
from harness.errors import HarnessError
from harness.paper.cifar10.recipes import Cifar10, cifar10, paper_recipe
from harness.paper.cifar10.table1 import chosen_rows, regularized_random_labels, rows_of_the_table
from harness.paper.reported import REGULARIZED_RANDOM_LABELS, TABLE1
from harness.store.published import Published
from harness.store.secret_folder import found_in
from harness.workers.worker_process import Report
from harness.zoo.train_jobs import TrainJob, train_job
from tests.builders.image_folders import write_cifar10

pytestmark = pytest.mark.slow

# As printed: network, random crop, weight decay, random labels, training accuracy, test accuracy.
PRINTED = [
    ("inception_small", True, True, False, 100.0, 89.05),
    ("inception_small", True, False, False, 100.0, 89.31),
    ("inception_small", False, True, False, 100.0, 86.03),
    ("inception_small", False, False, False, 100.0, 85.75),
    ("inception_small", False, False, True, 100.0, 9.78),
    ("inception_small_no_bn", False, True, False, 100.0, 83.00),
    ("inception_small_no_bn", False, False, False, 100.0, 82.00),
    ("inception_small_no_bn", False, False, True, 100.0, 10.12),
    ("alexnet_small", True, True, False, 99.90, 81.22),
    ("alexnet_small", True, False, False, 99.82, 79.66),
    ("alexnet_small", False, True, False, 100.0, 77.36),
    ("alexnet_small", False, False, False, 100.0, 76.07),
    ("alexnet_small", False, False, True, 99.82, 9.86),
    ("mlp_3x512", False, True, False, 100.0, 53.35),
    ("mlp_3x512", False, False, False, 100.0, 52.39),
    ("mlp_3x512", False, False, True, 100.0, 10.48),
    ("mlp_1x512", False, True, False, 99.80, 50.39),
    ("mlp_1x512", False, False, False, 100.0, 50.51),
    ("mlp_1x512", False, False, True, 99.34, 10.61),
]
NAMES = (
    "inception_small-crop-decay inception_small-crop inception_small-decay inception_small inception_small-random "
    "inception_small_no_bn-decay inception_small_no_bn inception_small_no_bn-random alexnet_small-crop-decay "
    "alexnet_small-crop alexnet_small-decay alexnet_small alexnet_small-random mlp_3x512-decay mlp_3x512 "
    "mlp_3x512-random mlp_1x512-decay mlp_1x512 mlp_1x512-random"
).split()
REGULARIZED = {  # random labels, a regularizer on: training accuracy; None: it failed to converge
    "inception_small-decay-random": 100.0,
    "alexnet_small-decay-random": None,
    "mlp_3x512-decay-random": 100.0,
    "mlp_1x512-decay-random": 99.21,
    "inception_small-crop-random": 99.93,
    "inception_small-crop_flip_colour-random": 99.28,
}
ORIGINAL = Cifar10(num_train=0, sha256="0123", data_sha256="", origin="torchvision", all_train=50_000)
FOLDERS = Cifar10(num_train=0, sha256="4567", data_sha256="4567", origin="class folders", all_train=50_000)


# The rows


def test_the_rows_are_those_that_are_printed() -> None:
    found = [
        (row.network, row.augmentation == "crop", row.weight_decay, row.random_labels, row.paper_train, row.paper_test)
        for row in rows_of_the_table()
    ]
    assert found == PRINTED
    assert [row.name for row in rows_of_the_table()] == [row.name for row in TABLE1] == NAMES


def test_the_rows_of_the_text_have_random_labels_and_a_regularizer() -> None:
    rows = regularized_random_labels()
    assert {row.name: row.paper_train for row in rows} == REGULARIZED
    assert len(rows) == len(REGULARIZED_RANDOM_LABELS)
    for row in rows:
        assert row.random_labels and row.paper_test is None
        assert row.weight_decay == ("decay" in row.name) != (row.augmentation != "")


def test_rows_are_chosen_by_their_names_in_the_order_that_was_asked_for() -> None:
    assert [row.name for row in chosen_rows(None, quick=False)] == NAMES
    names = ["mlp_1x512-random", "inception_small-crop_flip_colour-random", "alexnet_small"]
    assert [row.name for row in chosen_rows(", ".join(names), quick=True)] == names
    assert {row.network for row in chosen_rows(None, quick=True)} == {"alexnet_small", "mlp_3x512", "mlp_1x512"}
    for unknown in ("resnet", "mlp_1x512,mlp_1x513", ""):
        with pytest.raises(HarnessError, match=r"is not a row of table 1; known: inception_small-crop-decay, .*colour"):
            chosen_rows(unknown, quick=False)


# Their recipes


@pytest.mark.parametrize("printed", PRINTED, ids=NAMES)
def test_a_rows_recipe_has_the_papers_numbers(printed: tuple[Any, ...]) -> None:
    network, crop, decay, random, _, _ = printed
    recipe = rows_of_the_table()[PRINTED.index(printed)].recipe(ORIGINAL, None, "cpu")
    assert (recipe.data_set, recipe.data_sha256, recipe.num_train) == ("cifar10", "", 0)
    assert recipe.network == network
    assert recipe.learning_rate == (0.1 if "inception" in network else 0.01)
    assert (recipe.batch_size, recipe.momentum, recipe.learning_rate_decay_per_epoch) == (128, 0.9, 0.95)
    assert (recipe.crop, recipe.standardisation) == (28, "each_image")
    assert recipe.augmentation == ("crop" if crop else "")
    assert (recipe.weight_decay > 0) == decay
    assert recipe.condition == ("random_labels" if random else "true_labels")
    assert (recipe.dropout, recipe.random_crop, recipe.attack, recipe.stop_loss) == (0, 0, 0, 0)
    assert 0.95**recipe.max_epochs < 0.15  # the rate has all but vanished


def test_rows_are_different_models() -> None:
    rows = [*rows_of_the_table(), *regularized_random_labels()]
    assert len({row.recipe(ORIGINAL, None, "cpu").key for row in rows}) == 25


@pytest.mark.parametrize("num_train", [1000, 5000])
def test_on_a_part_of_the_images_the_rate_falls_as_fast_a_step_and_training_goes_on_until_it_fits(num_train) -> None:
    recipe = paper_recipe("mlp_1x512", dataclasses.replace(ORIGINAL, num_train=num_train))
    assert recipe.num_train == num_train
    steps, all_steps = num_train / 128, 50_000 / 128
    assert recipe.learning_rate_decay_per_epoch ** (1 / steps) == pytest.approx(0.95 ** (1 / all_steps), rel=1e-8)
    assert (recipe.stop_loss, recipe.max_epochs) == (0.01, 400)


def test_a_number_of_epochs_is_what_is_trained_whatever_the_loss() -> None:
    for data in (ORIGINAL, dataclasses.replace(ORIGINAL, num_train=1000)):
        recipe = paper_recipe("mlp_1x512", data, epochs=7)
        assert (recipe.stop_loss, recipe.max_epochs) == (0.0, 7)


def test_all_the_images_by_number_are_all_the_images() -> None:
    by_number = dataclasses.replace(ORIGINAL, num_train=50_000)
    assert by_number.in_full and ORIGINAL.in_full
    assert paper_recipe("alexnet_small", by_number) == paper_recipe("alexnet_small", ORIGINAL)


def test_class_folders_are_pinned_and_never_mistaken_for_the_original(tmp_path: Path) -> None:
    assert paper_recipe("alexnet_small", FOLDERS).data_sha256 == "4567"
    assert ORIGINAL.described() == {"name": "CIFAR-10", "sha256": "0123", "num_train": 50_000}
    assert FOLDERS.described() == {"name": "CIFAR-10, class folders", "sha256": "4567", "num_train": 50_000}
    found = cifar10(write_cifar10(tmp_path / "data", train=2, test=1, size=4), tmp_path / "cache", 5)
    assert (found.num_train, found.origin, found.all_train) == (5, "class folders", 20)
    assert found.sha256 == found.data_sha256 != ""
    assert not found.in_full


def test_other_arguments_go_into_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    module = "harness.paper.cifar10.recipes"
    monkeypatch.setattr(f"{module}.fastest", lambda device: {"gpu": "bfloat16"}.get(device, "float32"))
    recipe = paper_recipe("mlp_1x512", ORIGINAL, "corrupted_labels", corrupted_fraction=0.4, seed=3, device="gpu")
    assert (recipe.condition, recipe.corrupted_fraction, recipe.seed, recipe.precision) == (
        "corrupted_labels", 0.4, 3, "bfloat16"
    )  # fmt: skip
    assert paper_recipe("mlp_1x512", ORIGINAL).precision == "float32"


# A run


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cifar10(tmp_path_factory.mktemp("cifar10"), train=4, test=2)


@dataclasses.dataclass
class Runner:
    data_dir: Path
    folder: Path

    def __call__(self, *arguments: object) -> Result:
        places = {
            "data-dir": self.data_dir,
            "cache-dir": self.folder / "cache",
            "out": self.folder / "out",
            "workers": 1,
        }
        fixed = [f"--{name}={value}" for name, value in places.items()]
        return CliRunner().invoke(main, ["paper", "table1", *fixed, *map(str, arguments)])

    @property
    def written(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.folder / "out/table1.json").read_text())
        return content

    @property
    def models(self) -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in (found_in(self.folder / "cache") / "models").glob("*/*")}


@pytest.fixture
def table1(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.setattr("harness.paper.cifar10.recipes.PAPER_IMAGES", 40)  # as if these were all of CIFAR-10's
    return Runner(data_dir, tmp_path)


def test_class_folders_with_fewer_images_than_the_papers_are_a_subset(data_dir: Path, tmp_path: Path) -> None:
    result = Runner(data_dir, tmp_path)("--rows", "mlp_1x512", "--epochs", 1)
    assert result.exit_code == 0, result.output
    (row,) = Runner(data_dir, tmp_path).written["rows"]
    assert row["run"] == "on a subset"
    assert row["test_accuracy"]["paper"] is None


def refuses_random_labels(job: TrainJob, report: Report) -> Published | None:
    if job.recipe.condition == "random_labels":
        raise HarnessError("the lights went out")
    return train_job(job, report)


@pytest.mark.slow
def test_a_run_writes_its_rows_a_second_one_trains_nothing_and_an_interrupted_one_keeps_what_there_is(
    table1: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = "mlp_1x512-decay,mlp_1x512"
    first = table1("--rows", names, "--epochs", 3)
    assert first.exit_code == 0, first.output
    content = table1.written
    assert content["system"] == "table1"
    assert [row["row"] for row in content["rows"]] == names.split(",")
    for row, paper in zip(content["rows"], ((99.80, 50.39), (100.0, 50.51)), strict=True):
        assert (row["run"], row["num_train"], row["epochs"]) == ("in full", 40, 3)
        assert row["data_set"]["name"] == "CIFAR-10, class folders"
        for kind, reported, images in (("train_accuracy", paper[0], 40), ("test_accuracy", paper[1], 20)):
            ours = row[kind]["ours"]
            assert row[kind]["paper"] == reported
            assert row[kind]["difference"] == pytest.approx(ours - reported, abs=1e-3)
            assert ours * images / 100 == pytest.approx(round(ours * images / 100), abs=1e-3)
        assert row["curve"]["steps"] == [1, 2, 3]
        assert row["curve"]["test_accuracy"][-1] == pytest.approx(row["test_accuracy"]["ours"], abs=1e-3)
    assert [row["weight_decay"] for row in content["rows"]] == [5e-4, 0]
    assert set(table1.models) == {row["model"] for row in content["rows"]}
    lines = first.stdout.splitlines()
    assert sum(line.startswith("| `mlp_1x512") for line in lines) == 2
    assert "| `mlp_1x512` | 40 | 3 |" in first.stdout and "50.51" in first.stdout
    assert f"written to {table1.folder}/out/table1.json" == lines[-1]

    monkeypatch.setattr("harness.zoo.build.train_job", refuses_random_labels)
    models = table1.models
    again = table1("--rows", names, "--epochs", 3)
    assert again.exit_code == 0, again.output
    assert table1.models == models
    assert table1.written["rows"] == content["rows"]

    interrupted = table1("--rows", "mlp_1x512,mlp_1x512-random,mlp_3x512", "--epochs", 3)
    assert interrupted.exit_code == 2
    assert "the lights went out" in interrupted.output
    assert table1.written["rows"] == content["rows"]
    assert table1.models == models


@pytest.mark.slow
def test_a_row_on_a_subset_is_not_held_against_the_papers_and_stands_beside_the_one_in_full(table1: Runner) -> None:
    assert table1("--rows", "mlp_1x512", "--epochs", 2).exit_code == 0
    result = table1("--rows", "mlp_1x512-random,mlp_1x512", "--num-train", 20, "--epochs", 2)
    assert result.exit_code == 0, result.output
    rows = table1.written["rows"]
    assert [(row["row"], row["num_train"], row["run"]) for row in rows] == [
        ("mlp_1x512", 40, "in full"),
        ("mlp_1x512", 20, "on a subset"),
        ("mlp_1x512-random", 20, "on a subset"),
    ]
    for row in rows[1:]:
        for kind in ("train_accuracy", "test_accuracy"):
            assert row[kind]["paper"] is row[kind]["difference"] is None
            assert 0 <= row[kind]["ours"] <= 100
    assert "| `mlp_1x512-random` | 20 | 2 |" in result.stdout
    assert result.stdout.count("| - |") == 4


def test_a_row_with_another_decay_stands_beside_the_one_with_the_usual_one(table1: Runner) -> None:
    assert table1("--rows", "mlp_1x512-decay,mlp_1x512", "--epochs", 1).exit_code == 0
    result = table1("--rows", "mlp_1x512-decay,mlp_1x512", "--epochs", 1, "--weight-decay", 0.25)
    assert result.exit_code == 0, result.output
    rows = [(row["row"], row["weight_decay"]) for row in table1.written["rows"]]
    assert rows == [("mlp_1x512-decay", 5e-4), ("mlp_1x512-decay", 0.25), ("mlp_1x512", 0.0)]
    assert len({row["model"] for row in table1.written["rows"]}) == 3
    assert "| `mlp_1x512-decay`, decay 0.25 | 40 |" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "mlp_1x513"], "Error: --rows mlp_1x513 is not a row of table 1; known: inception_small-crop-decay"),
        (["--num-train", "0"], "Invalid value for '--num-train'"),
        (["--epochs", "0"], "Invalid value for '--epochs'"),
        (["--num-train", "41", "--rows", "mlp_1x512"], "asks for 41 training images; cifar10 has 40"),
        (["--workers", "0"], "Error: --workers is 0; expected 1 or more"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_a_sentence(table1: Runner, arguments: list[str], message: str) -> None:
    result = table1(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert not (table1.folder / "out").exists()


def test_a_result_of_another_system_is_not_overwritten(table1: Runner) -> None:
    place = table1.folder / "out/table1.json"
    place.parent.mkdir()
    place.write_text('{"system": "figure1", "rows": []}')
    result = table1("--rows", "mlp_1x512", "--epochs", 1)
    assert result.exit_code == 2
    assert "is not a result of `paper table1`" in result.output
    assert place.read_text() == '{"system": "figure1", "rows": []}'
    assert not table1.models

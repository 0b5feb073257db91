"""What a user's data set gives can be trained and tested on, or is one sentence."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.errors import HarnessError, kind_of
from harness.training.declaring import data_set
from harness.training.reading.raw_data import read_once, train_size_of
from harness.training.reading.read_splits import checked_splits

INPUTS = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 1, 2] * 4)
OTHERS = INPUTS + 1


def given(*parts: Any, whole: Any = None) -> Any:
    @data_set
    def mine(folder: Path) -> Any:
        return whole if whole is not None else parts

    return mine


def splits(*parts: Any, whole: Any = None) -> tuple[torch.Tensor, ...]:
    return checked_splits(given(*parts, whole=whole), Path())


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS,
        INPUTS.double(),
        INPUTS.numpy(),
        INPUTS.view(12, 1, 5),
        INPUTS[:, :, None, None],
        INPUTS[:, :, None, None, None],
    ],
    ids=lambda inputs: f"{inputs.dtype} {tuple(inputs.shape)}",
)
@pytest.mark.parametrize(
    "labels", [LABELS, LABELS.to(torch.uint8), LABELS.numpy().astype(np.int32)], ids=lambda y: str(y.dtype)
)
def test_floats_of_any_shape_and_integers_of_any_width_are_taken(inputs: Any, labels: Any) -> None:
    found = splits(inputs, labels)
    assert [(part.dtype, part.device.type) for part in found] == [(torch.float32, "cpu"), (torch.int64, "cpu")]
    assert torch.equal(found[0], torch.as_tensor(inputs).float()) and found[1].tolist() == LABELS.tolist()


READ_ONLY = INPUTS.numpy().copy()
READ_ONLY.setflags(write=False)


@pytest.mark.parametrize(
    ("inputs", "labels"),
    [
        (INPUTS.numpy()[::-1], LABELS.numpy()[::-1]),
        (READ_ONLY, LABELS),
        (INPUTS.to_sparse(), LABELS),
        (INPUTS.bfloat16(), LABELS.numpy().astype(np.uint16)),
        (INPUTS.clone().requires_grad_(), LABELS % 2 == 0),
        (INPUTS.numpy().astype(">f4"), LABELS.numpy().astype(">i4")),
        (np.ma.masked_array(INPUTS.numpy(), mask=False), LABELS),
    ],
    ids=["backwards", "read-only", "sparse", "few bits", "with gradient, yes or no", "of another machine", "unmasked"],
)
def test_arrays_of_other_kinds_are_taken_as_well(inputs: Any, labels: Any) -> None:
    found = splits(inputs, labels)
    assert found[0].dtype == torch.float32 and found[1].dtype == torch.int64 and not found[0].requires_grad


def test_bytes_in_another_order_are_the_same_numbers() -> None:
    inputs, labels = splits(INPUTS.numpy().astype(">f4"), LABELS.numpy().astype(">i4"))
    assert torch.equal(inputs, INPUTS) and torch.equal(labels, LABELS)


def test_inputs_of_few_bits_have_a_split_of_their_own() -> None:
    assert len(splits(INPUTS.bfloat16(), LABELS, OTHERS.bfloat16(), LABELS)) == 4
    with pytest.raises(HarnessError, match="every example to test on is also one to train on"):
        splits(INPUTS.bfloat16(), LABELS, INPUTS.bfloat16(), LABELS)


def test_bytes_stay_bytes_which_become_floats_as_those_of_images_do() -> None:
    assert splits((INPUTS.abs() * 50).to(torch.uint8), LABELS)[0].dtype == torch.uint8


def test_four_are_a_split_of_its_own_and_two_are_none() -> None:
    raw = read_once(given(INPUTS, LABELS, OTHERS[:3], LABELS[:3]), Path())
    assert (len(raw.labels), raw.num_official_train, train_size_of(raw), raw.num_classes) == (15, 12, 12, 3)
    raw = read_once(given(INPUTS, LABELS), Path())
    assert (len(raw.labels), raw.num_official_train, train_size_of(raw)) == (12, None, 9)


CONSTANT = torch.zeros(12, 5)
TOO_LARGE = INPUTS.double().index_fill(1, torch.tensor(0), 1e300)
HUGE_LABEL = LABELS.clone().index_fill_(0, torch.tensor(0), 10**12)
MASKED = np.ma.masked_array(INPUTS.numpy(), mask=INPUTS.numpy() > 1)
WITH_NAN = INPUTS.clone().index_put_((torch.tensor(0), torch.tensor(0)), torch.tensor(float("nan")))


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((INPUTS, LABELS, OTHERS), "gives a tuple of 3; expected (train_inputs, train_labels, test_inputs, test_label"),
        (({},), "gives a tuple of 1; expected"),
        ((INPUTS.tolist(), LABELS), "the inputs of data set 'mine' are a list of 12; expected a tensor (or an array o"),
        ((INPUTS, np.array(list("abcabcabcabc"))), "the labels of data set 'mine' are an array of <U1; expected numbe"),
        ((INPUTS, LABELS.float()), "labels are torch.float32; expected integers, a class from 0 for each example (lab"),
        ((INPUTS, LABELS + 1), "labels start at 1; expected classes from 0 (labels - 1)"),
        ((INPUTS, LABELS - 1), "labels have the class -1; expected classes from 0"),
        ((INPUTS, LABELS * 2), "no example to train on is of class 1, though there are labels up to 4; number the cla"),
        ((INPUTS, LABELS, OTHERS, LABELS + 1), "no example to train on is of class 3, though there are labels up to 3"),
        ((INPUTS, LABELS * 0), "all labels are the same; expected two classes or more"),
        ((INPUTS, LABELS[:, None]), "labels are of shape (12, 1); expected (examples,), the number of the class of ea"),
        ((INPUTS, torch.eye(12).long()), "labels are of shape (12, 12); expected (examples,)"),
        ((INPUTS, LABELS[:5]), "there are 12 inputs and 5 labels; expected one label for each input"),
        ((INPUTS.long(), LABELS), "inputs are torch.int64; expected floats (or uint8, of 0 to 255)"),
        ((INPUTS.to(torch.float8_e4m3fn), LABELS), "inputs are torch.float8_e4m3fn; expected floats (or uint8, of 0 t"),
        ((INPUTS[:, 0], LABELS), "inputs are of shape (12,); expected (examples, ...)"),
        ((INPUTS[:0], LABELS[:0]), "inputs are empty"),
        ((WITH_NAN, LABELS), "inputs have 1 numbers that are not finite; fill them in, or leave them out"),
        ((CONSTANT, LABELS), "inputs are all the same number"),
        ((TOO_LARGE, LABELS), "inputs have 12 numbers that are too large for float32, in which networks are trained"),
        ((INPUTS[:, :0], LABELS), "inputs are of shape (12, 0); expected one number or more for each example"),
        ((INPUTS, HUGE_LABEL), "no example to train on is of class 3, though there are labels up to 1000000000000"),
        ((MASKED, LABELS), "the inputs of data set 'mine' are a masked array, with entries that are not numbers; fill"),
        ((INPUTS.to("meta"), LABELS), "the inputs of data set 'mine' are a meta tensor; expected a plain one"),
        ((INPUTS, LABELS, INPUTS, LABELS), "every example to test on is also one to train on: no gap could be seen"),
        ((INPUTS, LABELS, INPUTS[3:6], LABELS[3:6]), "every example to test on is also one to train on"),
        ((INPUTS, LABELS, OTHERS[:, :3], LABELS), "inputs to train on are 5 each and those to test on 3; expected one"),
        ((INPUTS, LABELS, OTHERS.double(), LABELS), "inputs to train on are torch.float32 and those to test on torch."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_anything_else_is_one_sentence(parts: tuple[Any, ...], sentence: str) -> None:
    with pytest.raises(HarnessError, match=re.escape(sentence)) as refusal:
        splits(*parts)
    assert "data set 'mine'" in str(refusal.value) and "\n" not in str(refusal.value)


@pytest.mark.parametrize("whole", [INPUTS, {"train": INPUTS}, 3, "digits"], ids=lambda whole: type(whole).__name__)
def test_what_is_no_tuple_is_named(whole: Any) -> None:
    with pytest.raises(HarnessError, match=f"data set 'mine' gives {kind_of(whole)}; expected"):
        splits(whole=whole)


def test_what_the_function_raises_is_said_with_its_line() -> None:
    @data_set
    def broken(folder: Path) -> Any:
        raise FileNotFoundError(folder / "table.csv")

    with pytest.raises(
        HarnessError, match=r"data set 'broken' raises FileNotFoundError: /data/table.csv at .*splits.py:\d+$"
    ):
        checked_splits(broken, Path("/data"))


def test_a_function_that_ends_the_program_is_a_sentence() -> None:
    @data_set
    def ends(folder: Path) -> Any:
        raise SystemExit(3)

    with pytest.raises(HarnessError, match=r"data set 'ends' raises SystemExit: 3 at .*splits.py:\d+$"):
        checked_splits(ends, Path())


def test_a_function_that_changes_what_torch_takes_by_default_is_named() -> None:
    @data_set
    def wide(folder: Path) -> Any:
        torch.set_default_dtype(torch.float64)
        return INPUTS, LABELS

    try:
        with pytest.raises(HarnessError, match=r"data set 'wide' changes torch's default dtype from torch.float32 to"):
            checked_splits(wide, Path())
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_global_random_state_is_left_as_it_was() -> None:
    @data_set
    def seeded(folder: Path) -> Any:
        torch.manual_seed(3)
        return torch.randn(12, 5), LABELS

    state = torch.get_rng_state()
    assert torch.equal(checked_splits(seeded, Path())[0], checked_splits(seeded, Path())[0])
    assert torch.equal(torch.get_rng_state(), state)


CALLS: list[Path] = []


@data_set(files=lambda folder: [folder / "table.csv"])
def times(folder: Path) -> Any:
    CALLS.append(folder)
    return INPUTS * float((folder / "table.csv").read_text()), LABELS


@data_set(files=lambda folder: [folder / "table.csv"])
def negated(folder: Path) -> Any:
    CALLS.append(folder)
    return -INPUTS, LABELS


def test_what_is_read_of_files_is_kept_until_a_file_or_the_function_changes(tmp_path: Path) -> None:
    CALLS.clear()
    (tmp_path / "table.csv").write_text("1")

    def read(declared: Any) -> torch.Tensor:
        read_once.cache_clear()
        return read_once(declared, tmp_path, tmp_path / "cache").images

    assert torch.equal(read(times), INPUTS) and torch.equal(read(times), INPUTS)
    assert len(CALLS) == 1
    (tmp_path / "table.csv").write_text("2.0")
    assert torch.equal(read(times), 2 * INPUTS) and len(CALLS) == 2
    edited = dataclasses.replace(negated, name="times")
    assert torch.equal(read(edited), -INPUTS) and len(CALLS) == 3

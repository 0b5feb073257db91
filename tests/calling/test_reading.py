"""What a measure returns is one finite float, or there is a reason why it is not."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch

from harness.calling.reading import Reading, as_number, read_here
from measures import Estimate, Measure, NotApplicable
from measures.norms.l2_norm import l2_norm
from tests.builders.models import random_network


@pytest.mark.parametrize(
    ("returned", "value"),
    [(1, 1.0), (2.5, 2.5), (np.float32(0.5), 0.5), (torch.tensor([3.0]), 3.0), (np.array(4.0), 4.0)],
)
def test_one_number_of_any_kind_is_a_float(returned: object, value: float) -> None:
    assert as_number(returned) == (value, "")


@pytest.mark.parametrize("returned", [True, 1j, [1.0], 10**400, torch.zeros(0), np.zeros(3)])
def test_what_is_not_one_finite_number_is_not(returned: object) -> None:
    value, problem = as_number(returned)
    assert value is None
    assert problem


class Unreadable(float):
    def __float__(self) -> float:
        raise ValueError("not today")


class Unshown:
    def __repr__(self) -> str:
        raise ValueError("nor this")


class Unsaid(Exception):
    def __str__(self) -> str:
        raise ValueError("nor that")


@pytest.mark.parametrize(
    ("returned", "problem"),
    [
        (Unreadable(1.0), "it returned a Unreadable that is not read as a number (ValueError: not today); return one"),
        (Unshown(), "it returned what cannot be shown (ValueError), a Unshown; a measure returns one float"),
        ([10**5000], "it returned what cannot be shown (ValueError), a list; a measure returns one float"),
        (torch.tensor(1.0, device="meta"), "it returned a Tensor that is not read as a number (RuntimeError: Tensor."),
    ],
)
def test_what_cannot_be_read_is_an_error_in_one_sentence(returned: Any, problem: str) -> None:
    reading = read_here(returning(returned), random_network("mlp_1x2", seed=0))
    assert (reading.status, reading.value) == ("error", None)
    assert reading.reason.startswith(problem)
    assert len(reading.reason) < 250 and "\n" not in reading.reason


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_a_nested_tensor_is_an_error_in_one_sentence() -> None:
    value, problem = as_number(torch.nested.nested_tensor([torch.ones(1), torch.ones(2)]))
    assert value is None
    assert problem.startswith("it returned a Tensor that is not read as a number (RuntimeError: ")


def raising(problem: BaseException) -> Measure:
    def function(trained: Any) -> float:
        raise problem

    return dataclasses.replace(l2_norm, function=function)


def test_what_is_raised_without_a_text_is_an_error_all_the_same() -> None:
    reading = read_here(raising(Unsaid()), random_network("mlp_1x2", seed=0))
    assert reading.status == "error" and "Unsaid" in reading.traceback
    assert reading.reason.startswith("it raised Unsaid: (its text cannot be had: ValueError) (")


@pytest.mark.parametrize("reason", [(), (" \n",)])
def test_not_applicable_without_a_reason_says_so(reason: tuple[str, ...]) -> None:
    reading = read_here(raising(NotApplicable(*reason)), random_network("mlp_1x2", seed=0))
    assert (reading.status, reading.reason) == ("not_applicable", "it gave no reason")


def returning(value: float) -> Measure:
    return dataclasses.replace(l2_norm, function=lambda trained: value)


def test_an_estimate_is_read_with_its_standard_error_and_any_other_number_without() -> None:
    trained = random_network("mlp_1x2", seed=0)
    reading = read_here(returning(Estimate(2.0, 0.1)), trained)
    assert (reading.status, reading.value, reading.standard_error) == ("value", 2.0, 0.1)
    assert type(reading.value) is float
    assert read_here(returning(2.0), trained).standard_error is None


@pytest.mark.parametrize("error", [math.nan, math.inf, -0.1])
def test_a_standard_error_that_is_none_is_an_error(error: float) -> None:
    reading = read_here(returning(Estimate(2.0, error)), random_network("mlp_1x2", seed=0))
    assert (reading.status, reading.value, reading.standard_error) == ("error", None, None)
    assert reading.reason == f"it returned an estimate with a standard error of {error}, not from 0 on"


def test_a_reading_that_failed_has_neither_value_nor_standard_error() -> None:
    failed = Reading("value", 2.0, "", 0.5, standard_error=0.1).failed("it changed the inputs")
    assert failed == Reading("error", None, "it changed the inputs", 0.5)

"""What a measure returns is one finite float, or there is a reason why it is not."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from harness.calling.reading import Reading, as_number, read_here
from measures import Estimate, Measure
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

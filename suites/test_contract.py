"""Is it a well-behaved measure? What every entrant promises, on two tiny trained networks (evaluation/contract.py)."""

from collections.abc import Callable

import pytest

from harness.evaluation import contract
from measures import Measure

pytestmark = pytest.mark.contract(contract.PROBE)


def test_returns_one_finite_number(measure: Measure, keeps: Callable[..., None]) -> None:
    keeps(measure, contract.PROBE, contract.returns_one_finite_number)


def test_repeats(measure: Measure, keeps: Callable[..., None]) -> None:
    keeps(measure, contract.PROBE, contract.repeats)


def test_leaves_everything_as_it_was(measure: Measure, keeps: Callable[..., None]) -> None:
    keeps(measure, contract.PROBE, contract.leaves_everything_as_it_was)


def test_draws_only_from_its_generator(measure: Measure, keeps: Callable[..., None]) -> None:
    keeps(measure, contract.PROBE, contract.draws_only_from_its_generator)


def test_does_not_depend_on_the_order_of_examples(measure: Measure, keeps: Callable[..., None]) -> None:
    keeps(measure, contract.PROBE, contract.does_not_depend_on_the_order_of_examples)


def test_does_not_depend_on_the_device(measure: Measure, keeps: Callable[..., None]) -> None:
    keeps(measure, contract.PROBE, contract.does_not_depend_on_the_device)

"""What a measure returns is one finite float, or there is a reason why it is not."""

import numpy as np
import pytest
import torch

from harness.calling.reading import as_number


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

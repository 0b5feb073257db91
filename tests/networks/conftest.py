"""What the tests of all measures on many networks share."""

import pytest

from measures.compression import subspace_compression_bound
from measures.curvature import local_learning_coefficient
from measures.information import intrinsic_dimension_of_objective


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains and trainings of a few steps do all that long ones do, and their values are not asked for."""
    monkeypatch.setattr(local_learning_coefficient, "STEPS", 4)
    monkeypatch.setattr(intrinsic_dimension_of_objective, "STEPS", 4)
    monkeypatch.setattr(subspace_compression_bound, "STEPS", 4)
    monkeypatch.setattr(subspace_compression_bound, "ROUNDED_STEPS", 4)

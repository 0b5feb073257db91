"""What the tests of the kernels share."""

import pytest

from harness.paper.kernels import random_convolution


@pytest.fixture
def few_patches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A whitening is fitted to fewer patches, where it does not matter which whitening it is."""
    monkeypatch.setattr(random_convolution, "WHITENING_PATCHES", 2000)

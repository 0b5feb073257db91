"""What the tests of workers have in common."""

from collections.abc import Iterator

import pytest

from harness.workers.remote import end_kept


@pytest.fixture(autouse=True)
def no_kept_workers() -> Iterator[None]:
    """What an executor of threads keeps for the next job is in this process: other tests count its workers."""
    yield
    end_kept()

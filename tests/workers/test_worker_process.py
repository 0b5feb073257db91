"""A worker runs jobs on one torch thread. (That it ends with its parent: tests/faults/test_killed_runs.py.)"""

from tests.workers.test_pool import ends


def test_workers_use_one_torch_thread() -> None:
    assert ends(["threads"]) == {"threads": ("done", 1)}

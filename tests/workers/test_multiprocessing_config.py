"""What we change of multiprocessing's configuration."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests import ROOT


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only there workers are forked")
def test_workers_start_where_the_temporary_folder_has_a_long_name(tmp_path: Path) -> None:
    """Longer than a socket's name may be."""
    long = tmp_path / ("long" * 30)
    long.mkdir()
    script = tmp_path / "long.py"
    script.write_text(
        textwrap.dedent("""
        import collections
        from harness.workers import pool
        from harness.workers.pool import run_jobs
        pool.PRELOAD = "harness.errors"  # what takes seconds to import is not what this is about
        from tests.workers.test_pool import act
        if __name__ == "__main__":
            queue = collections.deque(["a", "b"])
            print(sorted(event.payload for event in run_jobs(act, lambda: queue.popleft() if queue else None, 2)))
    """)
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(long)}
    run = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True)
    assert run.stdout.strip() == "['A', 'B']", run.stderr
    assert not list(long.iterdir())

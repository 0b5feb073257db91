"""What is answered at once: nothing that takes long is imported for it, and no process is left behind."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import ROOT

HEAVY = ("torch", "scipy", "sklearn", "matplotlib")
SAYS_WHAT_IS_IMPORTED = """
import atexit, sys
atexit.register(lambda: print("HEAVY:", *(name for name in {heavy} if name in sys.modules), file=sys.stderr))
"""
PYTEST = [sys.executable, "-m", "pytest", "suites/", "-p", "no:cacheprovider"]
PACKAGE = [sys.executable, "-m", "pytest", "--pyargs", "suites", "-p", "no:cacheprovider"]
HARNESS = [sys.executable, "-m", "harness"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        ([*PYTEST, "--measure=path_nrom"], 4, "ERROR: unknown measure 'path_nrom'; did you mean 'path_norm'"),
        ([*PYTEST, "--measure=l2_norm,path_nrom", "-n", "2"], 4, "ERROR: unknown measure 'path_nrom'; did you mean"),
        ([*PYTEST, "--measure=l2_norm", "--zoo=digit"], 4, "ERROR: unknown zoo 'digit'; did you mean 'digits'"),
        ([*PYTEST, "--list-measures"], 0, "spectral_norm"),
        ([*PYTEST, "--list-measures", "--measure=l2_norm"], 0, "l2_norm"),
        ([*PACKAGE, "--measure=path_nrom"], 4, "ERROR: unknown measure 'path_nrom'"),
        ([*PACKAGE, "--list-measures"], 0, "spectral_norm"),
        ([*HARNESS, "measures"], 0, "spectral_norm"),
        ([*HARNESS, "measures", "--cost=fast"], 0, "spectral_norm"),
    ],
    ids=lambda value: " ".join(value[3:]) if isinstance(value, list) else None,
)
def test_it_is_answered_without_heavy_imports_and_leaves_no_process(
    tmp_path: Path, command: list[str], status: int, said: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SAYS_WHAT_IS_IMPORTED.format(heavy=HEAVY))
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | {"PYTHONPATH": path, "SHATTERPROOF_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    output, errors = process.communicate(timeout=120)
    assert (process.returncode, said in output + errors) == (status, True), output + errors
    assert [line for line in errors.splitlines() if line.startswith("HEAVY:")] == ["HEAVY:"]
    assert [other for other in psutil.pids() if _session(other) == process.pid] == []


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:  # gone meanwhile
        return None

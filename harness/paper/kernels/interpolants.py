"""Interpolants of a training set and of its leading parts: solved once, then kept in the cache folder.

An interpolant is α (n, classes) in a sealed file, with what was measured while it was solved. The file's name is a
digest of all that determines it: the data, the features, the kernel, the number of images.
"""

import dataclasses
import hashlib
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from harness.files.sealed_tensors import read_sealed, write_sealed
from harness.paper.kernels import interpolation
from harness.paper.kernels.interpolation import LowerTriangle, Rows
from harness.training.recipe import canonical_json

SOLVER_VERSION = 2
"""Part of every key. Raise it when a change to the solver changes its solutions."""


@dataclasses.dataclass(frozen=True, eq=False)
class Interpolant:
    """α (n, classes) float64, the norm of its function, |(K + l2 I) α − y| / |y| with K computed again from the data.

    Of the run that solved it: seconds from its start (with all smaller sizes), threads, and the most memory (bytes) of
    its process.
    """

    solution: Tensor
    norm: float
    relative_residual: float
    seconds: float
    threads: int
    peak_memory: int


def interpolants(
    kernel: Rows,
    targets: Tensor,
    sizes: Sequence[int],
    settings: dict[str, Any],
    cache_dir: Path,
    l2: float = 0.0,
) -> dict[int, Interpolant]:
    """The minimum-norm interpolants of the leading `sizes` examples, {size: interpolant}, from one factorisation.

    (K + l2 I) α = y, with one step of iterative refinement. `settings` is what determines K and the targets (n,
    classes), in JSON's types. HarnessError where K is not positive definite.
    """
    paths = {size: _path(cache_dir, {**settings, "num_train": size, "l2": l2}) for size in sorted(sizes)}
    found = {size: interpolant for size, path in paths.items() if (interpolant := _find(path))}
    if len(found) < len(paths):
        for size, interpolant in _solved(kernel, targets, list(paths), l2):
            _keep(paths[size], interpolant)
            found[size] = interpolant
    return found


def _solved(kernel: Rows, targets: Tensor, sizes: list[int], l2: float) -> Iterator[tuple[int, Interpolant]]:
    started = time.perf_counter()
    triangle = LowerTriangle.zeros(sizes[-1], at=sizes, dtype=targets.dtype)
    triangle.fill(kernel)
    triangle.add_to_diagonal(l2)
    for rows in _with_progress(triangle):
        if rows not in sizes:
            continue
        y = targets[:rows]
        solution = interpolation.solve(triangle, y).double()
        solution += interpolation.solve(triangle, _left(kernel, solution, y, l2).to(y.dtype))
        found = Interpolant(
            solution=solution,
            norm=interpolation.norm(solution, y),
            relative_residual=float(_left(kernel, solution, y, l2).norm() / y.norm()),
            seconds=time.perf_counter() - started,
            threads=torch.get_num_threads(),
            peak_memory=peak_memory(),
        )
        yield rows, found


def _left(kernel: Rows, solution: Tensor, targets: Tensor, l2: float) -> Tensor:
    """y − (K + l2 I) α, in float64: what float32 rounds away is as large as the residual."""
    return targets.double() - l2 * solution - interpolation.product(kernel, solution)


def _with_progress(triangle: LowerTriangle) -> Iterator[int]:
    """The factorisation's rows, with a bar that counts its n³/3 operations: it is slower at its end."""
    total = triangle.bounds[-1]
    done = 0
    with tqdm(total=round(total**3 / 3e9), unit=" Gflop", desc=f"solving {total}", disable=None, leave=False) as bar:
        for rows in interpolation.factorise(triangle):
            bar.update(round(rows**3 / 3e9) - done)
            done = round(rows**3 / 3e9)
            yield rows


def peak_memory() -> int:
    """The most memory that this process has used so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _path(cache_dir: Path, settings: dict[str, Any]) -> Path:
    text = canonical_json({**settings, "solver_version": SOLVER_VERSION})
    return cache_dir / "interpolants" / f"{hashlib.sha256(text.encode()).hexdigest()}.safetensors"


def _find(path: Path) -> Interpolant | None:
    """What was kept there; None where there is nothing, or not what was written."""
    kept = read_sealed(path)
    return None if kept is None else Interpolant(kept.tensors["solution"], **kept.about)


def _keep(path: Path, interpolant: Interpolant) -> None:
    about = {field.name: getattr(interpolant, field.name) for field in dataclasses.fields(Interpolant)}
    write_sealed(path, {"solution": about.pop("solution")}, about)

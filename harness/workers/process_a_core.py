"""Processes for many small calculations: one a core, each on one thread."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import scipy.linalg  # noqa: F401  (brings the libraries with threads that are limited below)
import threadpoolctl

from harness.settings import cores


def process_a_core() -> ProcessPoolExecutor:
    """A pool with a process for each core, none of which starts threads for its linear algebra.

    With threads in every process they wait for each other: on two cores a check of 274 records took 196 s, so 117 s.
    """
    return ProcessPoolExecutor(cores(), multiprocessing.get_context("spawn"), initializer=_one_thread)


def _one_thread() -> None:
    threadpoolctl.threadpool_limits(1)

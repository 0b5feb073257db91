"""Imported once by the process that workers are forked from: what every job needs, and what takes long."""
# ruff: noqa: E402

import signal

heard = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is told by whoever started this process, which ends it

import gc

import scipy.sparse.linalg
import torch
import torch._dynamo  # torch's optimizers and vmap import it when they are first used: two seconds

import harness.evaluation.evaluate
import harness.store.store
import measures
from harness.evaluation.source_digest import HANDED_OUT, RECEIVED, source_digest
from harness.workers.large_pages import gather_if_wanted

__all__ = ["harness", "measures", "scipy", "torch"]

for received in (RECEIVED, HANDED_OUT):
    source_digest(received)  # of what is imported here; each worker would read it again, for every measure's digest

gc.collect()
gc.freeze()  # looking for garbage would write to every page, and each process have its own copy
gather_if_wanted()
signal.signal(signal.SIGINT, heard)  # as workers are to have it

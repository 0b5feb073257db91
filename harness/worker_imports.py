"""Imported once by the process that workers are forked from: what every job needs, and what takes long."""

import gc

import scipy.sparse.linalg
import torch
import torch._dynamo  # torch's optimizers and vmap import it when they are first used: two seconds

import harness.evaluation.evaluate
import harness.store.store
import measures
from harness.workers.large_pages import gather_if_wanted

__all__ = ["harness", "measures", "scipy", "torch"]

gc.collect()
gc.freeze()  # looking for garbage would write to every page, and each process have its own copy
gather_if_wanted()

"""Imported once by the process that workers are forked from: what every job needs, and what takes long."""

import scipy.sparse.linalg
import sklearn.datasets
import torch
import torch._dynamo  # torch's optimizers and vmap import it when they are first used: two seconds

import harness.evaluate
import harness.store
import measures

__all__ = ["harness", "measures", "scipy", "sklearn", "torch"]

"""Seconds of CPU that 26 measures take on one network, beside a plain implementation of the suite that has them.

The reference is this project's own (tests/references/published_suite.py), which says what it takes from that suite.
Both begin with the networks and the data, on one thread, and compute all 26. As that suite does, the reference takes
spectral norms of reshaped kernels, and then again by Fourier transform; what it takes without these is told as well.

    fitted                      trained on random labels until none is wrong
    unfitted                    after an epoch, one label in ten right: no noise moves that by 0.1, each search goes on
    unfitted, search ends       one in five right: the reference's first noise, a large one, takes that to one in ten

pytest tests/benchmarks/test_published_suite.py --write
"""

import dataclasses
import time
from typing import Any

import pytest
import torch

from harness.calling.call import read
from harness.evaluation.measure_lookup import find_measures
from measures.trained_model import TrainedModel
from tests.references.network_in_network import CLASSES, random_images, trained_until
from tests.references.published_suite import MEASURES, ingredients, values_of, with_fourier_norms

pytestmark = pytest.mark.slow

WIDTH, IMAGES = 32, 500
CASES = ("fitted", "unfitted", "unfitted, search ends")


def network(case: str) -> TrainedModel:
    images, labels = random_images(IMAGES)
    if case == "fitted":
        return trained_until(0.0, WIDTH, images, labels)
    trained = trained_until(1.0, WIDTH, images, labels)  # an epoch, so that normalization has its statistics
    right = trained.logits.argmax(dim=1)
    labels = torch.where(labels == right, (right + 1) % CLASSES, labels)
    every = 5 if case == "unfitted, search ends" else 10
    labels[::every] = right[::every]
    return dataclasses.replace(trained, labels=labels)


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("case", CASES)
def test_all_26_measures(benchmark: Any, case: str) -> None:
    trained = network(case)
    measures = find_measures([measure.__name__ for measure in MEASURES])
    given = trained.model, trained.init, trained.inputs, trained.labels

    def here() -> dict[str, str]:
        fresh = dataclasses.replace(trained)  # nothing shared
        return {entry.name: read(entry, fresh).status for entry in measures}

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        statuses = benchmark.pedantic(here, rounds=1, warmup_rounds=1)
        started = time.process_time()
        reshaped = ingredients(*given)
        values = values_of(reshaped)
        without = time.process_time() - started
        values_of(with_fourier_norms(reshaped, tuple(trained.inputs.shape[2:])))
        reference = time.process_time() - started
    finally:
        torch.set_num_threads(threads)
    assert statuses.keys() == values.keys() and "error" not in statuses.values()
    median = benchmark.stats.stats.median
    benchmark.extra_info |= {
        "the reference [s]": reference,
        "the reference over this": reference / median,
        "the reference without Fourier transforms [s]": without,
        "the same over this": without / median,
    }

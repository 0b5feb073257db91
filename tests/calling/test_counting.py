"""Work is counted: operations by hand, memory by what is allocated."""

import time

import torch

from harness.calling.counting import Operations
from harness.workers.peak_memory import PeakMemory


def test_a_product_of_3x4_and_4x5_is_120_operations_and_its_gradients_twice_that() -> None:
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, 5, requires_grad=True)
    with Operations() as counted:
        loss = (a @ b).sum()
        assert (counted.forward, counted.backward) == (120, 0)
        torch.autograd.grad(loss, (a, b))
    assert (counted.forward, counted.backward) == (120, 240)


def test_products_under_vmap_and_grad_are_counted_too() -> None:
    weight, inputs = torch.randn(5, 4), torch.randn(3, 4)
    with Operations() as counted:
        torch.func.vmap(torch.func.grad(lambda w, x: (w @ x).sum()), (None, 0))(weight, inputs)
    assert counted.forward == 120


def test_allocated_memory_is_seen_also_after_it_was_freed() -> None:
    with PeakMemory() as memory:
        block = torch.ones(2**28 // 4)  # 256 MB
        time.sleep(0.1)  # memory is looked at every few milliseconds, when the machine gets to it
        del block
    assert 240 < memory.megabytes < 320

"""What operators a piece of code runs: the types it multiplies, and how often it waits for the device."""

import collections

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Operands(TorchDispatchMode):
    """The types of what every matrix product and convolution multiplies, and the operators that wait for a device."""

    PRODUCTS = ("aten.bmm", "aten.mm", "aten.addmm", "aten.baddbmm", "aten.convolution", "aten.convolution_backward")
    WAITING = ("aten._local_scalar_dense", "aten.nonzero", "aten.is_nonzero", "aten.equal", "aten.masked_select")

    def __init__(self):
        super().__init__()
        self.types, self.waits = collections.Counter(), 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func).rsplit(".", 1)[0]
        if name in self.PRODUCTS:
            self.types.update(each.dtype for each in args if isinstance(each, torch.Tensor))
        self.waits += name in self.WAITING
        return func(*args, **(kwargs or {}))

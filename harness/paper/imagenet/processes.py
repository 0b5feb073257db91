"""Training in several processes that torchrun has started, each on its share of every batch; or in one, without it."""

import contextlib
import dataclasses
import inspect
import os
from collections.abc import Iterable, Iterator

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclasses.dataclass(frozen=True)
class Processes:
    """This process among `count` others that train the same network; rank 0 writes files and talks."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def parallel(self, model: nn.Module) -> nn.Module:
        """The model, its gradients averaged over all processes.

        Each process normalizes its own share of a batch (there is no synchronised batch normalization, as there was
        none between the paper's workers); `average` brings the running statistics together afterwards.
        """
        if self.count == 1:
            return model
        own = [self.device] if self.device.type == "cuda" else None
        newer = "forward_sync_buffers" in inspect.signature(DistributedDataParallel).parameters  # since torch 2.14
        off = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
        return DistributedDataParallel(model, device_ids=own, **off)  # type: ignore[arg-type]

    def total(self, counts: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        if self.count > 1:
            torch.distributed.all_reduce(counts)
        return counts

    def wait(self) -> None:
        """Until all processes have come here."""
        if self.count > 1:
            torch.distributed.barrier()

    @torch.no_grad()
    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each floating tensor by its mean over all processes: the same bytes in each of them."""
        for tensor in tensors:
            if self.count > 1 and tensor.is_floating_point():
                torch.distributed.all_reduce(tensor)
                tensor /= self.count


def own_device(device: str) -> str:
    """`cuda` under torchrun is the GPU with this process's number on the machine."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device


def processes_here() -> int:
    """How many processes torchrun has started on this machine; 1 without it."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


@contextlib.contextmanager
def process_group(device: str) -> Iterator[Processes]:
    """What torchrun says in the environment; nccl between GPUs, gloo between CPUs."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    own = torch.device(device)
    if count == 1:
        yield Processes(0, 1, own)
        return
    if own.type == "cuda":
        torch.cuda.set_device(own)
    torch.distributed.init_process_group("nccl" if own.type == "cuda" else "gloo")
    yield Processes(torch.distributed.get_rank(), count, own)
    torch.distributed.destroy_process_group()  # not after an error, when the others still wait for this one

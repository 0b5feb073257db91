"""How much a call works: floating point operations."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):
    """Counts floating point operations of matrix products and convolutions, those of backward passes apart."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = self.backward = 0

    def numbers(self) -> dict[str, float]:
        return {"forward": float(self.forward), "backward": float(self.backward)}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            number = count(*args, **(kwargs or {}), out_val=result)
            if torch._C._current_graph_task_id() == -1:  # no backward pass is running
                self.forward += number
            else:
                self.backward += number
        return result

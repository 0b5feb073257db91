"""What measures share is computed under modes of its own, whoever asks for it first.

A measure may have turned gradients off, or opened inference mode or autocast, for what it does itself. What it then
asks for is kept and given to others, which did not: it must be what they would have got.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")


@contextlib.contextmanager
def fixed_modes() -> Iterator[None]:
    """Gradients on; inference mode and autocast off; float32 on the CPU by default. All is put back afterwards."""
    dtype = torch.get_default_dtype()
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False) if torch.cuda.is_initialized() else contextlib.nullcontext(),
        torch.device("cpu") if torch.get_default_device().type != "cpu" else contextlib.nullcontext(),
    ):
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def under_fixed_modes(function: Callable[P, T]) -> Callable[P, T]:
    """The function, run under `fixed_modes`."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        with fixed_modes():
            return function(*args, **kwargs)

    return run

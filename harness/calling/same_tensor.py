"""Is a tensor still what it was? Bit for bit where that can be asked, which is most of a watched call's time."""

import ctypes
from collections.abc import Callable

import torch
from torch import Tensor, nn


def same(a: Tensor, b: Tensor) -> bool:
    """Equal, or else NaN in the same places: a shared mean over no examples is NaN, and unchanged."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if _same_bits(a.detach(), b.detach()) or torch.equal(a, b):
        return True
    return a.is_floating_point() and bool(((a == b) | (a.isnan() & b.isnan())).all())


def _memcmp() -> Callable[[int, int, int], int] | None:
    """The C library's, which reads memory half as fast again as torch.equal; None where it is not to be had."""
    try:
        found = ctypes.CDLL(None).memcmp
    except (OSError, TypeError, AttributeError):
        return None
    found.argtypes, found.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int
    return found  # type: ignore[no-any-return]


_compare = _memcmp()


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Whether both are the same in memory. False also where that cannot be asked."""
    if not (_is_in_one_piece(a) and _is_in_one_piece(b)):
        return False
    if _compare is not None and _is_here(a) and _is_here(b):
        return _compare(a.data_ptr(), b.data_ptr(), a.numel() * a.element_size()) == 0
    return _as_integers_fit(a) and _as_integers_fit(b) and torch.equal(_as_integers(a), _as_integers(b))


def _is_in_one_piece(tensor: Tensor) -> bool:
    return bool(
        tensor.layout == torch.strided and not tensor.is_complex() and tensor.is_contiguous() and tensor.numel() > 0
    )


def _is_here(tensor: Tensor) -> bool:
    """Whether its values are those bytes of this process's memory that it says: no subclass, nothing done lazily, and
    its storage was not made smaller than it."""
    return bool(
        type(tensor) in (Tensor, nn.Parameter)
        and tensor.device.type == "cpu"
        and not tensor.is_neg()
        and not tensor.is_quantized
        and tensor.untyped_storage().nbytes() >= (tensor.storage_offset() + tensor.numel()) * tensor.element_size()
    )


def _as_integers_fit(tensor: Tensor) -> bool:
    """Whether its memory is one of whole integers of 8 bytes, which are compared faster than floats."""
    size = tensor.element_size()
    return bool((tensor.numel() * size) % 8 == (tensor.storage_offset() * size) % 8 == 0)


def _as_integers(tensor: Tensor) -> Tensor:
    return tensor.view(-1).view(torch.int64)

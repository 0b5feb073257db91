"""A model as bytes for another process of ours, without a file: networks, tensors, and what holds them.

torch.save writes an archive, and asks Python of every object whether it is a part of a tensor: of a small residual
network, with its thousands of empty dictionaries, that takes as long as the call that it is sent for.
"""

import ctypes
import io
import pickle
from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from harness.files.sent_networks import ByValue

PROTOCOL = pickle.HIGHEST_PROTOCOL


def packed(content: object) -> bytes:
    """The content for `unpacked`, which has all tensors on the CPU; those that share memory here share it there.

    Classes and functions that no import finds are sent along. Raises whatever the objects raise that are pickled.
    """
    buffer = io.BytesIO()
    _Packer(buffer, protocol=PROTOCOL).dump(content)
    return buffer.getvalue()


def unpacked(content: bytes) -> Any:
    """What was packed, by a process of ours: bytes that came from elsewhere would be executed."""
    return pickle.loads(content)


class _Memory:
    """What lies in a storage. However many tensors refer to it, it is pickled once, and arrives as one storage."""

    def __init__(self, storage: torch.UntypedStorage):
        self.of = storage  # kept, so that no other takes its place in memory meanwhile
        here = storage.cpu()
        self.content = ctypes.string_at(here.data_ptr(), here.nbytes()) if here.nbytes() else b""

    def __reduce__(self) -> tuple[Any, ...]:
        return _storage, (self.content,)


class _Packer(ByValue):
    def __init__(self, file: io.BytesIO, protocol: int):
        super().__init__(file, protocol=protocol)
        self.memories: dict[int, _Memory] = {}

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is OrderedDict:  # a module has a dozen, most of them empty
            return NotImplemented
        if isinstance(obj, Tensor):
            if _is_plain(obj):
                return self._reduced(obj)
            if obj.device.type not in ("cpu", "meta"):
                return obj.cpu().__reduce_ex__(PROTOCOL)
        return super().reducer_override(obj)

    def _reduced(self, tensor: Tensor) -> tuple[Any, ...]:
        storage = tensor.untyped_storage()
        if (memory := self.memories.get(storage._cdata)) is None:
            memory = self.memories[storage._cdata] = _Memory(storage)
        place = tensor.storage_offset(), tuple(tensor.shape), tensor.stride()
        return _tensor, (memory, tensor.dtype, *place, tensor.requires_grad, type(tensor) is nn.Parameter)


def _is_plain(tensor: Tensor) -> bool:
    """Whether its memory, shape and dtype are all that there is of it."""
    if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout != torch.strided:
        return False
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    taken = (tensor.storage_offset() + last + 1) * tensor.element_size() if tensor.numel() else 0
    return bool(
        tensor.device.type != "meta"
        and tensor.is_leaf
        and not (tensor.is_quantized or tensor.is_neg() or tensor.is_conj())
        and not (tensor.__dict__ or tensor._backward_hooks)
        and tensor.untyped_storage().nbytes() >= taken  # it may have been made smaller since
    )


def _storage(content: bytes) -> torch.UntypedStorage:
    storage = torch.UntypedStorage(len(content))
    if content:
        ctypes.memmove(storage.data_ptr(), content, len(content))
    return storage


def _tensor(
    storage: torch.UntypedStorage,
    dtype: torch.dtype,
    offset: int,
    shape: tuple[int, ...],
    stride: tuple[int, ...],
    requires_grad: bool,
    is_parameter: bool,
) -> Tensor:
    tensor = torch.empty(0, dtype=dtype).set_(storage, offset, shape, stride)  # type: ignore[call-overload]
    return nn.Parameter(tensor, requires_grad) if is_parameter else tensor.requires_grad_(requires_grad)

"""Networks on their way to another process, those with torch's parametrizations (weight_norm, spectral_norm) too.

A parametrized layer has a class that torch makes for it alone and refuses to pickle. It is sent as the class that it
had before with what it holds, and made again where it arrives.
"""

import pickle
from collections import OrderedDict
from types import ModuleType
from typing import IO, Any

import cloudpickle
import torch
from torch import nn
from torch.nn.utils import parametrize


def send(content: object, file: IO[bytes]) -> None:
    """Write what has networks in it for `torch.load`. Classes and functions that no import finds raise, as whatever
    cannot be pickled does. (packed.py sends these along.)"""
    torch.save(content, file, pickle_module=_BY_NAME)


def remade(kind: type[nn.Module], names: tuple[str, ...]) -> nn.Module:
    """A layer of the class that torch makes for these parametrized weights; what it holds is set afterwards."""
    layer: nn.Module = kind.__new__(kind)
    nn.Module.__init__(layer)
    parametrize._inject_new_class(layer)
    for name in names:
        parametrize._inject_property(layer, name)
    return layer


def _reduced(layer: nn.Module) -> tuple[Any, ...]:
    kind, names = type(layer).__bases__[0], tuple(layer.parametrizations)  # type: ignore[arg-type]
    # What weight_norm hangs there, to load older state dicts, cannot be pickled; where it goes, none is loaded.
    return remade, (kind, names), {**layer.__dict__, "_load_state_dict_pre_hooks": OrderedDict()}


def _is_parametrized(given: object) -> bool:
    return isinstance(given, nn.Module) and parametrize.is_parametrized(given)


class ByValue(cloudpickle.Pickler):  # type: ignore[misc]
    """It writes classes and functions that no import finds along, and parametrized layers as above."""

    def reducer_override(self, obj: Any) -> Any:
        return _reduced(obj) if _is_parametrized(obj) else super().reducer_override(obj)


class _ByName(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        return _reduced(obj) if _is_parametrized(obj) else NotImplemented


_BY_NAME = ModuleType("by_name")  # as torch.save takes a pickler
_BY_NAME.Pickler = _ByName  # type: ignore[attr-defined]

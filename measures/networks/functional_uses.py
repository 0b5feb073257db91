"""What functions of torch do with some parameters while a network runs: which of them multiply, and how."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

CONVOLUTIONS: dict[Any, type[nn.Conv1d | nn.Conv2d]] = {torch.conv1d: nn.Conv1d, torch.conv2d: nn.Conv2d}
OF_A_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
MATRIX_PRODUCTS = (torch.matmul, torch.mm, Tensor.matmul, Tensor.mm, Tensor.__matmul__)
ONLY_READ = (torch.Size, int, torch.dtype, torch.device, torch.layout, type(None))  # of a parameter: no use of it


def is_batched(value: Any) -> bool:
    """Whether it is what a function within torch.func.vmap sees of a tensor."""
    return isinstance(value, Tensor) and bool(torch._C._functorch.is_batchedtensor(value))


class Use(NamedTuple):
    """How a parameter is applied: by a layer of this `kind`, with this bias (its id) and these options.

    `turned`: the layer's weight is the parameter transposed. `left`: it is multiplied by from the left.
    """

    kind: type[nn.Module]
    bias: int | None
    turned: bool
    left: bool
    options: tuple[tuple[str, Any], ...]


class Application(NamedTuple):
    parameter: Tensor
    received: Any
    use: Use


class Parameters:
    """Some parameters and, within a call, their transposes: what a function of torch does with them."""

    def __init__(self, parameters: Mapping[int, Tensor]):
        self.parameters = parameters
        self.transposes: dict[int, tuple[Tensor, Tensor]] = {}  # by their id: themselves, that it stays theirs, and of

    def met(self, arguments: Any) -> list[Tensor]:
        """Those among the arguments of a function, themselves or transposed."""
        found = []
        for each in arguments:
            if isinstance(each, list | tuple):
                found += self.met(each)
            elif isinstance(each, Tensor) and (own := self._of(each)[0]) is not None:
                found.append(own)
        return found

    def _of(self, tensor: Any) -> tuple[Tensor | None, bool]:
        """The parameter that this is, and whether transposed."""
        if id(tensor) in self.transposes:
            return self.transposes[id(tensor)][1], True
        return self.parameters.get(id(tensor)), False

    def is_transpose(self, parameter: Tensor, returned: Any) -> bool:
        """Whether this is the parameter, of two dimensions, transposed; if so it is known from here on."""
        alike = isinstance(returned, Tensor) and parameter.ndim == returned.ndim == 2 and returned is not parameter
        if not alike or is_batched(returned) or returned.data_ptr() != parameter.data_ptr():
            return False
        if (returned.shape, returned.stride()) != (parameter.shape[::-1], parameter.stride()[::-1]):
            return False
        self.transposes[id(returned)] = returned, parameter
        return True

    def application(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Application | None:
        if function is F.linear or function in CONVOLUTIONS:
            given = dict(zip(OF_A_CONVOLUTION, args, strict=False)) | kwargs
            received, weight, bias = given.pop("input"), given.pop("weight"), given.pop("bias", None)
            own, transposed = self._of(weight)
            if own is None or not (bias is None or id(bias) in self.parameters):
                return None
            kind = CONVOLUTIONS.get(function, nn.Linear)
            return Application(
                own, received, Use(kind, bias if bias is None else id(bias), transposed, False, tuple(given.items()))
            )
        if function is torch.addmm and len(args) == 3 and not kwargs:
            return self._of_addmm(*args)
        if function not in MATRIX_PRODUCTS or len(args) != 2:
            return None
        for received, weight, left in ((*args, False), (*args[::-1], True)):
            own, transposed = self._of(weight)
            if own is not None and own.ndim == 2 and not (isinstance(received, Tensor) and received.ndim < 2):
                return Application(own, received, Use(nn.Linear, None, transposed is left, left, ()))
        return None

    def _of_addmm(self, bias: Any, received: Any, weight: Any) -> Application | None:
        own, transposed = self._of(weight)
        if own is None or id(bias) not in self.parameters:
            return None
        return Application(own, received, Use(nn.Linear, id(bias), not transposed, False, ()))


class Watch(TorchFunctionMode):
    """Notes the uses of the parameters while a network runs; `otherwise` are those used in a way that no layer has."""

    def __init__(self, parameters: Mapping[int, Tensor]):
        super().__init__()
        self.known = Parameters(parameters)
        self.uses: dict[int, set[Use]] = {}
        self.otherwise: set[int] = set()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        returned = function(*args, **kwargs)
        met = self.known.met((*args, *kwargs.values()))
        if not met or isinstance(returned, ONLY_READ) or self.known.is_transpose(met[0], returned):
            return returned
        found = self.known.application(function, args, kwargs)
        batched = found is not None and is_batched(found.received)
        if found is None or batched or len(met) != 1 + (found.use.bias is not None):
            self.otherwise |= {id(each) for each in met}
        else:
            self.uses.setdefault(id(found.parameter), set()).add(found.use)
        return returned

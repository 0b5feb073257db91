"""Training with bfloat16 matrix products: where a machine has them, twice as fast and more.

Weights, gradients' sums and the optimizer stay float32 (torch's autocast); convolutions take and give images in
channels-last order, in which they need not be repacked.
"""

import torch
from torch import Tensor, nn

from harness.training.recipe import Precision


def accelerated(model: nn.Module, precision: Precision) -> nn.Module:
    """The model, its convolutions' weights in channels-last order if it is to train in bfloat16."""
    if precision == "float32":
        return model
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def forward(model: nn.Module, images: Tensor, precision: Precision) -> Tensor:
    """The model's outputs, float32, computed in that precision."""
    if precision == "float32":
        return model(images)
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):  # others would only copy
        images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16):
        return model(images).float()


def fastest(device: str) -> Precision:
    """ "bfloat16" where the device multiplies it faster: processors with AVX-512 BF16 or AMX, most recent GPUs."""
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    if device == "cpu":
        flags = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # before torch 2.6 there is no way to ask
        return "bfloat16" if any(getattr(torch.cpu, name, bool)() for name in flags) else "float32"
    return "float32"

"""The augmentations of the runner-up of the contest on predicting generalization, of images of values in [0, 1].

Batches are (m, channels, height, width); what is returned has the same shape. Brighter images, and edges, may leave
[0, 1]; nothing is clipped.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def flipped(images: Tensor) -> Tensor:
    """Left and right exchanged."""
    return images.flip(3)


def brightened(images: Tensor) -> Tensor:
    """Brighter by half of the range."""
    return images + 0.5


def saturated(images: Tensor, factors: Tensor) -> Tensor:
    """Colours with their saturation times `factors` (m,), cut to at most 1; hue and value stay.

    Images of other than three channels have no colours, and stay as they are.
    """
    if images.shape[1] != 3:
        return images
    value = images.amax(dim=1, keepdim=True)
    saturation = 1 - images.amin(dim=1, keepdim=True) / value.where(value > 0, 1)
    wanted = (saturation * factors.view(-1, 1, 1, 1)).clamp(max=1)
    grown = wanted / saturation.where(saturation > 0, 1)
    return value - (value - images) * grown


def cropped(images: Tensor, share: float = 0.9) -> Tensor:
    """The middle `share` of height and width, resized to what it was; of fewer than 20 pixels all are kept."""
    height, width = images.shape[2:]
    top, left = int((height - height * share) / 2), int((width - width * share) / 2)
    middle = images[:, :, top : height - top, left : width - left]
    if middle.shape == images.shape:
        return images
    scale = min(height / middle.shape[2], width / middle.shape[3])
    size = (max(1, round(middle.shape[2] * scale)), max(1, round(middle.shape[3] * scale)))
    resized = F.interpolate(middle, size=size, mode="bilinear", align_corners=False)
    down, right = (height - size[0]) // 2, (width - size[1]) // 2
    return F.pad(resized, (right, width - size[1] - right, down, height - size[0] - down))


def edges(images: Tensor) -> Tensor:
    """A quarter of the Sobel filter's response from left to right, plus 1/2; borders reflected."""
    channels, (height, width) = images.shape[1], images.shape[2:]
    mode = "reflect" if min(height, width) > 1 else "replicate"
    kernel = images.new_tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    filters = kernel.expand(channels, 1, 3, 3)
    return F.conv2d(F.pad(images, (1, 1, 1, 1), mode=mode), filters, groups=channels) / 4 + 0.5


def erased(images: Tensor, draws: Tensor) -> Tensor:
    """A rectangle of zeros in each; `draws` (m, 4) uniform in [0, 1) say how high, how wide, where from top and left.

    Height and width are at least √(0.006 A) pixels of an image of A, and less than √(A / 0.75) and than the image's.
    """
    height, width = images.shape[2:]
    area = height * width
    least, most = round((0.02 * area * 0.3) ** 0.5), round((0.4 * area / 0.3) ** 0.5)
    sizes, starts = [], []
    for axis, length in enumerate((height, width)):
        low, high = min(least, min(most, length) - 1), min(most, length)
        size = low + (draws[:, axis] * (high - low)).long()
        sizes.append(size)
        starts.append((draws[:, 2 + axis] * (length - size)).long())
    inside = []
    for length, size, start in zip((height, width), sizes, starts, strict=True):
        places = torch.arange(length, device=images.device)
        inside.append((places >= start[:, None]) & (places < (start + size)[:, None]))
    within = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(within, 0)

"""Inception v3 (Szegedy et al. 2016, arXiv:1512.00567), of Zhang et al.'s experiments on ImageNet."""

from torch import nn

from harness.errors import HarnessError
from harness.training.declaring import network
from harness.training.networks.images import image_shape

SMALLEST = 75  # pixels


@network
def inception_v3(input_shape: tuple[int, ...], num_classes: int, dropout: float = 0.0) -> nn.Module:
    """torchvision's, without the auxiliary classifier. HarnessError for images that are too small for it."""
    from torchvision.models import inception_v3 as of_torchvision

    channels, height, width = image_shape(input_shape)
    if channels != 3 or min(height, width) < SMALLEST:
        raise HarnessError(
            f"inception_v3 cannot take images of {tuple(input_shape)} (channels, height, width); it needs 3 channels "
            f"and {SMALLEST} pixels each way (the paper's are 299)"
        )
    network: nn.Module = of_torchvision(
        weights=None, num_classes=num_classes, aux_logits=False, init_weights=True, dropout=dropout
    )
    return network

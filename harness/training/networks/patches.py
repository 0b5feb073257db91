"""How many patches an image is cut into, each of which is a token."""

from harness.errors import HarnessError
from harness.training.networks.images import image_shape


def tokens_of(input_shape: tuple[int, ...], patch: int, network: str) -> tuple[int, int]:
    """The image's channels, and how many patches of patch x patch pixels it has.

    HarnessError for images that cannot be cut so.
    """
    channels, height, width = image_shape(input_shape)
    if height % patch or width % patch:
        raise HarnessError(
            f"images of {height}x{width} cannot be cut into patches of {patch}x{patch}, which a {network} reads; "
            f"crop them to a multiple of {patch} (a recipe's `crop`), or take another network"
        )
    return channels, (height // patch) * (width // patch)

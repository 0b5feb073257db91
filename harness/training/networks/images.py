"""What a network for images asks of the shape of its inputs."""

from harness.errors import HarnessError


def image_shape(input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(channels, height, width) of one example. HarnessError for inputs that are not images."""
    if len(input_shape) != 3:
        raise HarnessError(
            f"inputs of {tuple(input_shape)} are not images (channels, height, width), which the network takes; take "
            "an MLP, or a network of your own"
        )
    channels, height, width = input_shape
    return channels, height, width

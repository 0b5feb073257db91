"""A zoo of your own: pytest suites/ -m gate --zoo=./suites/examples/my_zoo.py::zoo --measure=path_norm"""

from sklearn.datasets import load_digits
from torch import nn, tensor

from harness import Zoo, adamw, data_set, network


@network
def convolutions(input_shape, num_classes):
    channels, height, width = input_shape
    head = nn.Linear(16 * height * width, num_classes)
    return nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), head)


@network(name="perceptron_{width}", blind_to_positions=True)
def perceptron(input_shape, num_classes, width):
    channels, height, pixels = input_shape
    hidden = nn.Linear(channels * height * pixels, width)
    return nn.Sequential(nn.Flatten(), hidden, nn.ReLU(), nn.Linear(width, num_classes))


@data_set
def mine(folder):
    """To train on, then to test on. `folder` is that of --data-dir, where yours may lie."""
    images, labels = load_digits(return_X_y=True)
    images, labels = tensor(images).float().view(-1, 1, 8, 8), tensor(labels)
    return images[:1000], labels[:1000], images[1000:], labels[1000:]


perceptrons = {perceptron.member(width=width): adamw(0.003) for width in range(100, 240, 10)}
zoo = Zoo("mine", data_set=mine, networks={convolutions: 0.05, **perceptrons}, seeds_per_network=1, num_train=200)

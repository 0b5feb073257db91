"""The numbers that the paper reports, as data.

Zhang, Bengio, Hardt, Recht & Vinyals 2017 (arXiv:1611.03530): tables 1 and 2, section 4 and 5. Accuracies are in
percent, as printed there; everything else in this project is a fraction.
"""

import dataclasses
from typing import Literal

LABELS = Literal["true", "random"]


@dataclasses.dataclass(frozen=True)
class Table1Row:
    """A row of table 1 (CIFAR-10): what was switched on, accuracies in percent at the end of training."""

    network: str
    random_crop: bool
    weight_decay: bool
    labels: LABELS
    train_accuracy: float
    test_accuracy: float

    @property
    def name(self) -> str:
        """`alexnet_small`, `alexnet_small-crop-decay`, `alexnet_small-random`, ..."""
        parts = [self.network]
        parts += ["crop"] if self.random_crop else []
        parts += ["decay"] if self.weight_decay else []
        parts += ["random"] if self.labels == "random" else []
        return "-".join(parts)


TABLE1 = (
    Table1Row("inception_small", True, True, "true", 100.0, 89.05),
    Table1Row("inception_small", True, False, "true", 100.0, 89.31),
    Table1Row("inception_small", False, True, "true", 100.0, 86.03),
    Table1Row("inception_small", False, False, "true", 100.0, 85.75),
    Table1Row("inception_small", False, False, "random", 100.0, 9.78),
    Table1Row("inception_small_no_bn", False, True, "true", 100.0, 83.00),
    Table1Row("inception_small_no_bn", False, False, "true", 100.0, 82.00),
    Table1Row("inception_small_no_bn", False, False, "random", 100.0, 10.12),
    Table1Row("alexnet_small", True, True, "true", 99.90, 81.22),
    Table1Row("alexnet_small", True, False, "true", 99.82, 79.66),
    Table1Row("alexnet_small", False, True, "true", 100.0, 77.36),
    Table1Row("alexnet_small", False, False, "true", 100.0, 76.07),
    Table1Row("alexnet_small", False, False, "random", 99.82, 9.86),
    Table1Row("mlp_3x512", False, True, "true", 100.0, 53.35),
    Table1Row("mlp_3x512", False, False, "true", 100.0, 52.39),
    Table1Row("mlp_3x512", False, False, "random", 100.0, 10.48),
    Table1Row("mlp_1x512", False, True, "true", 99.80, 50.39),
    Table1Row("mlp_1x512", False, False, "true", 100.0, 50.51),
    Table1Row("mlp_1x512", False, False, "random", 99.34, 10.61),
)


@dataclasses.dataclass(frozen=True)
class ImageNetRow:
    """A row of table 2 (ImageNet, Inception V3): top-1 and top-5 accuracies in percent; `best_*` are the best along
    training, None where none is printed."""

    augmentation: bool
    dropout: bool
    weight_decay: bool
    labels: LABELS
    train_top1: float
    train_top5: float
    test_top1: float
    test_top5: float
    best_top1: float | None = None
    best_top5: float | None = None


IMAGENET = (
    ImageNetRow(True, True, True, "true", 92.18, 99.21, 77.84, 93.92),
    ImageNetRow(True, False, False, "true", 92.33, 99.17, 72.95, 90.43),
    ImageNetRow(False, False, True, "true", 90.60, 100.0, 67.18, 86.44, 72.57, 91.31),
    ImageNetRow(False, False, False, "true", 99.53, 100.0, 59.80, 80.38, 63.16, 84.49),
    ImageNetRow(False, True, True, "random", 91.18, 97.95, 0.09, 0.49),
    ImageNetRow(False, True, False, "random", 87.81, 96.15, 0.12, 0.50),  # dropout alone, by the authors' slides
    ImageNetRow(False, False, False, "random", 95.20, 99.14, 0.11, 0.56),
)

REGULARIZED_RANDOM_LABELS: dict[tuple[str, str], float | None] = {
    ("inception_small", "weight_decay"): 100.0,
    ("alexnet_small", "weight_decay"): None,  # failed to converge
    ("mlp_3x512", "weight_decay"): 100.0,
    ("mlp_1x512", "weight_decay"): 99.21,
    ("inception_small", "crop"): 99.93,
    ("inception_small", "crop_flip_colour"): 99.28,
}
"""Training accuracy in percent on random labels with a regularizer on, by (network, regularizer)."""


@dataclasses.dataclass(frozen=True)
class KernelRow:
    """A number of section 5: test error in percent and norm of the minimum-norm interpolant, None where not reported.

    `l2`: with L2 regularization.
    """

    data_set: Literal["mnist", "cifar10"]
    features: Literal["pixels", "gabor", "random_convolution"]
    l2: bool
    test_error: float
    norm: float | None


KERNELS = (
    KernelRow("mnist", "pixels", False, 1.2, 220.0),
    KernelRow("mnist", "gabor", False, 0.6, 390.0),
    KernelRow("cifar10", "pixels", False, 46.0, None),
    KernelRow("cifar10", "random_convolution", False, 17.0, None),
    KernelRow("cifar10", "random_convolution", True, 15.0, None),
)

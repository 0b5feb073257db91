"""Augmentation sensitivity: how much do the outputs on training images change when the images are augmented?

    μ = (1/n) Σᵢ Σ_a  |p(xᵢ) − p(a(xᵢ))| if f gives xᵢ and a(xᵢ) one class, else w_a     p = largest softmax output

    a                               w_a     a                                               w_a
    flip, left to right             6       edges (Sobel)                                   3
    saturation times 0.6 to 1.6     1       brightness plus half of the range               1
    flip and saturation             12      a rectangle set to zero                         2
    the middle 90%, resized         2

All training images; between 0 and 27. A network that is robust to augmentations is claimed to generalize.

Aithal, Kashyap & Subramanyam 2021 (arXiv:2101.06459), runner-up of the contest on predicting generalization in deep
learning; augmentations and penalties are those of the authors' code (github.com/sumukhaithal6/pgdl).
Differs from the paper:
1. The mean over all examples; the code sums over the first 12,864.
2. The code's images have values in [0, 1]. Others are moved and scaled so that the training set's smallest and largest
   values are 0 and 1, augmented, and scaled back.
3. The saturation is drawn for each image; the code draws it for each batch of 64. Images of other than three channels
   have none, so that saturation alone never counts, and flip and saturation is the flip.
4. Not applicable to data other than images.

Claims: larger gap (abstract).
Random labels: unknown (of the paper only the abstract and the code could be had).
"""

import torch
from torch import Tensor

from measures import NotApplicable, measure
from measures.function_space._augmentations import brightened, cropped, edges, erased, flipped, saturated
from measures.trained_model import CHUNK, TrainedModel

PENALTIES = {
    "flip": 6,
    "saturation": 1,
    "crop": 2,
    "edges": 3,
    "brightness": 1,
    "flip and saturation": 12,
    "erasing": 2,
}
LEAST_SATURATION, MOST_SATURATION = 0.6, 1.6


@measure(
    source="Aithal, Kashyap & Subramanyam 2021",
    cost="slow",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
@torch.no_grad()
def augmentation_sensitivity(trained: TrainedModel) -> float:
    images, order = trained.inputs, trained.random_order
    if images.ndim != 4:
        raise NotApplicable(f"inputs of shape {tuple(images.shape[1:])} are not images: nothing to flip or crop")
    low, spread = images.min(), images.max() - images.min()
    if not float(spread) > 0:
        raise NotApplicable("all inputs have one value everywhere: they have no range to augment in")
    draws = torch.rand(len(order), 5, generator=trained.generator()).to(images)
    total = 0.0
    for chosen, drawn in zip(order.split(CHUNK), draws.split(CHUNK), strict=True):
        probabilities, classes = trained.logits[chosen].double().softmax(dim=1).max(dim=1)
        for name, augmented in augmentations((images[chosen] - low) / spread, drawn).items():
            there, found = trained.model(augmented * spread + low).double().softmax(dim=1).max(dim=1)
            change = (probabilities - there).abs()
            total += float(change.where(classes == found, float(PENALTIES[name])).sum())
    return total / len(order)


def augmentations(images: Tensor, draws: Tensor) -> dict[str, Tensor]:
    """Each augmentation of a batch of images in [0, 1], by its name in PENALTIES; `draws` (m, 5) uniform in [0, 1)."""
    factors = LEAST_SATURATION + (MOST_SATURATION - LEAST_SATURATION) * draws[:, 0]
    return {
        "flip": flipped(images),
        "saturation": saturated(images, factors),
        "crop": cropped(images),
        "edges": edges(images),
        "brightness": brightened(images),
        "flip and saturation": saturated(flipped(images), factors),
        "erasing": erased(images, draws[:, 1:]),
    }

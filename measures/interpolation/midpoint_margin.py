"""How much margin the network loses halfway to the nearest other training example.

    μ = 1/m Σ [ (γ(xᵢ, yᵢ) + γ(xⱼ, yⱼ))/2 − γ(z, y(z)) ]  /  1/n Σ ‖f(xᵢ) − f̄(xᵢ)‖₂

z = (xᵢ + xⱼ)/2, where xⱼ is the training example nearest to xᵢ, in the inputs, whatever its label; i runs through
m ≤ 1,000 of the n training examples. γ(x, y) = f(x)[y] − max_{k≠y} f(x)[k] is the margin, y(z) that of yᵢ and yⱼ which
has the larger logit at z, and f̄ the mean of an example's logits.

A network whose margins are as large between its examples as at them is smooth on the scale of the data; where every
example is fitted by itself, the margin falls as soon as it is left. The denominator takes the logits' scale away, and
a shift of the logits. A network that has fitted nothing has no margin to lose.

This project.
Differs from the paper: there is none.

Claims: larger gap (this project, measures/interpolation/README.md).
Random labels: nothing.
"""

import torch

from measures import INVARIANCES, NotApplicable, measure
from measures.interpolation._midpoints import midpoints
from measures.trained_model import TrainedModel, margins_of


@measure(source="this project, margins halfway to the nearest other example", invariant_to=INVARIANCES)
def midpoint_margin(trained: TrainedModel) -> float:
    pairs, labels, margins = midpoints(trained), trained.labels, trained.margins.double()
    logits = pairs.logits.double()
    both = torch.stack([labels[pairs.one], labels[pairs.other]], dim=1)
    better = both.gather(1, logits.gather(1, both).argmax(dim=1, keepdim=True))[:, 0]
    lost = (margins[pairs.one] + margins[pairs.other]) / 2 - margins_of(logits, better)
    own = trained.logits.double()
    scale = float((own - own.mean(dim=1, keepdim=True)).norm(dim=1).mean())
    if scale == 0:
        raise NotApplicable("the logits of every example are all equal: there is no margin to lose")
    return float(lost.mean()) / scale

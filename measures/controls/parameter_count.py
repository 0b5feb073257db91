"""A control: the number of parameters. Twins share their architecture, so it ties on every pair and must lose.

    μ = number of trained parameters, biases and batch normalization included

Jiang et al. 2020 (arXiv:1912.02178), eq. 20.
Differs from the paper: all parameters are counted, batch normalization's scale and shift among them; the paper's
formula has a convolution's kernel and one bias a channel.

Claims: larger gap (as a count of capacity).
Random labels: does not separate (it is the architecture's).
"""

from measures import measure
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, eq. 20",
    invariant_to={"layer_rescaling", "unit_permutation", "logit_shift"},
)
def parameter_count(trained: TrainedModel) -> float:
    return float(sum(parameter.numel() for parameter in trained.model.parameters()))

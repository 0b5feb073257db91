"""A control: the number of parameters. Twins share their architecture, so it ties on every pair and must lose.

    μ = number of trained parameters, biases and batch normalization included

Jiang et al. 2020 (arXiv:1912.02178), eq. 20.
Differs from the paper: all parameters are counted, batch normalization's scale and shift among them; the paper's
formula has a convolution's kernel and one bias a channel.

Claims: nothing, it is a control.
Random labels: does not separate (Zhang et al. 2017, table 1).
"""

from measures import measure
from measures.networks.plain_network import require_parameters
from measures.trained_model import TrainedModel


@measure(
    source="Jiang et al. 2020, eq. 20",
    invariant_to={"layer_rescaling", "unit_permutation", "logit_shift"},
)
def parameter_count(trained: TrainedModel) -> float:
    require_parameters(trained.model)
    return float(sum(parameter.numel() for parameter in trained.model.parameters()))

"""A control: how long it trained. What takes longer to fit passes the randomization test, a clock among it.

    μ = number of epochs begun until training stopped

Zhang et al. 2017 (arXiv:1611.03530), figure 1b: random data take longer to fit. It never looks at the network, and
must be caught by the suites that change the length of training and not the gap.
Differs from the paper: epochs rather than time relative to true labels.

Claims: nothing, it is a control.
Random labels: separates (Zhang et al. 2017, figure 1b; Arpit et al. 2017, arXiv:1706.05394, section 3.3.2).
"""

from measures import INVARIANCES, measure
from measures.trained_model import TrainedModel


@measure(source="Zhang et al. 2017, figure 1b", invariant_to=INVARIANCES)
def epochs_to_stop(trained: TrainedModel) -> float:
    return float(trained.history.epochs)

"""Output sensitivity: how much does the mean of the logits vary when noise is added to the input?

    μ = Var_{x, ε} [ (1/K) Σₖ fₖ(x + ε) − fₖ(x) ]     ε ~ N(0, σ² I),  σ = 0.1

    output_sensitivity          x a held-out tenth of the training set, f trained again on the rest
    output_sensitivity_train    x the training set, f the given network

fₖ are the K logits; inputs are standardised, so that σ is a tenth of their standard deviation. In squared logits.

Forouzesh, Salehi & Thiran 2021 (arXiv:2007.15378), S; formula and σ as in the authors' code.
Differs from the paper:
1. x are inputs that the network has not seen there, from the test set; a measure sees none, and holds a tenth out.
2. Ten draws of the noise for every input; the code has one.
The gradient of the cross-entropy by the logits sums to 0, so that training never moves the sum of the last layer's
rows: that the mean of the logits tells what was learned is far from evident.

Claims: larger gap (abstract: a metric for the generalization performance without labelled data).
Random labels: unknown (the paper's full text could not be had).
"""

from measures import measure
from measures.quantities.hold_out import hold_out
from measures.stability._noisy_inputs import mean_output_changes
from measures.trained_model import TrainedModel

ALL = ("layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift")


@measure(source="Forouzesh, Salehi & Thiran 2021, on a held-out tenth", cost="retrain", invariant_to=ALL)
def output_sensitivity(trained: TrainedModel) -> float:
    held_out, kept = hold_out(trained)
    network = trained.retrain(trained.inputs[kept], trained.labels[kept])
    changes = mean_output_changes(network, trained.inputs[held_out], trained.generator())
    return float(changes.var(correction=0))


@measure(source="Forouzesh, Salehi & Thiran 2021, on the training set", cost="slow", invariant_to=ALL)
def output_sensitivity_train(trained: TrainedModel) -> float:
    order = trained.random_order  # the noise goes with the example, however the examples are stored
    return float(mean_output_changes(trained.model, trained.inputs[order], trained.generator()).var(correction=0))

"""Regions of activation along lines between training examples.

    μ = mean over segments of Σₜ Σᵤ [ a_u(z_{t+1}) ≠ a_u(z_t) ]     a_u(z) = [the input of ReLU unit u at z is > 0]

z_t, t = 1..32, are evenly spaced on the segment between an example and the next of `random_order`, 50 segments; u runs
over all units of all ReLUs. Where every change is seen alone, this plus one is the number of regions in
which the segment meets one pattern of activation.

Novak et al. 2018 (arXiv:1802.08760), "linear region transitions"; Hanin & Rolnick 2019 (arXiv:1906.00904).
Differs from the papers:
1. Straight segments between examples; Novak et al. follow closed curves, Hanin & Rolnick lines through the origin.
2. A unit that switches twice between neighbouring points is not seen; max pooling's switches are not counted.
3. Not applicable where the network applies no ReLU, or one whose inputs cannot be told apart by example.

Claims: larger gap (Novak et al. 2018, abstract, as a metric of complexity).
Random labels: unknown (the abstract of Novak et al. 2018 says it of the Jacobian norm alone).
"""

from measures import NotApplicable, measure
from measures.function_space._interpolated_inputs import between_examples
from measures.trained_model import TrainedModel


@measure(
    source="Novak et al. 2018; Hanin & Rolnick 2019",
    invariant_to={"layer_rescaling", "unit_permutation", "batch_norm_folding", "logit_shift"},
)
def activation_regions(trained: TrainedModel) -> float:
    switches = between_examples(trained).switches
    if switches is None:
        raise NotApplicable("the network applies no ReLU, or one whose inputs are not known by example")
    return float(switches.double().mean())

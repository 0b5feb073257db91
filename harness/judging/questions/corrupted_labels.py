"""Does it grow with the corrupted fraction of the labels, and with the size of an attack set?

Zhang et al. 2017 (arXiv:1611.03530), section 2.2 and figure 1c: the more labels are corrupted, the larger the gap.
The first seed of every unit (a data set with one network) is trained on labels corrupted with probability 0.2, 0.4,
0.6, 0.8 and 1; the step from the true labels to 0.2 is by far the largest, so the trend is tested without them.
Likewise with attack sets of rising size beside the same images (questions/same_data.py). A unit has one ladder,
and those in which the measure does not rise are named.
"""

from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.judging.questions.trends import gap_rises, trend_finding
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.interventions import Ladder
from harness.zoo.zoo import Zoo


def recipes(zoo: Zoo) -> list[Recipe]:
    ladders = [*interventions.corrupted_labels(zoo), *interventions.attack_doses(zoo)]
    return list(dict.fromkeys([recipe for ladder in ladders for recipe in ladder] + random_labels.models(zoo)))


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its labels, and the gap rises with the corrupted fraction and with the attack set."""
    return (
        unfitted(recipes(zoo), outcome)
        + gap_rises(_without_true_labels(zoo), outcome, "the corrupted fraction")
        + gap_rises(interventions.attack_doses(zoo), outcome, "the attack set")
    )


def corrupted_fraction(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`grows`, or `flat`, `falls`. Kendall's tau with the gap is reported without the true labels and with them."""
    finding = trend_finding(zoo, _without_true_labels(zoo), row, outcome, "the corrupted fraction")
    with_true = trend_finding(zoo, interventions.corrupted_labels(zoo), row, outcome, "").numbers.get("kendall_tau")
    if with_true is not None:
        finding.numbers["kendall_tau_with_true_labels"] = with_true
    return finding


def attack_dose(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`grows`, or `data_only` (ties throughout), `flat`, `falls`."""
    return trend_finding(zoo, interventions.attack_doses(zoo), row, outcome, "the attack set", same_data=True)


def _without_true_labels(zoo: Zoo) -> Sequence[Ladder]:
    return [ladder[1:] for ladder in interventions.corrupted_labels(zoo)]


QUESTION = Question("corrupted_labels", recipes, premise, (corrupted_fraction, attack_dose))

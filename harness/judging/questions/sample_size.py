"""Does it grow when natural data get scarce?

Less of the same natural data, and the gap grows while nothing is memorized that cannot be learned: all images, a third
and a tenth of them, for the first seed of every unit (a data set with one network): a ladder each, which has to rise in
enough units. Norms that are not normalised by the sample size are known to go the other way (Nagarajan & Kolter 2019,
arXiv:1902.04742).
"""

from harness.evaluation.finding import Finding
from harness.judging.questions import random_labels
from harness.judging.questions.question import Outcomes, Question, Rows, unfitted
from harness.judging.questions.trends import gap_rises, trend_finding
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Zoo


def recipes(zoo: Zoo) -> list[Recipe]:
    ladders = [recipe for ladder in interventions.sample_sizes(zoo) for recipe in ladder]
    return [*dict.fromkeys(ladders + random_labels.models(zoo))]


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images, and the gap grows as they get fewer."""
    return unfitted(recipes(zoo), outcome) + gap_rises(interventions.sample_sizes(zoo), outcome, "fewer images")


def scarce_images(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`grows`, or `flat`, `falls`."""
    return trend_finding(zoo, interventions.sample_sizes(zoo), row, outcome, "fewer images")


QUESTION = Question("sample_size", recipes, premise, (scarce_images,))

"""Is it silent where nothing changes?

Zhang et al. 2017 (arXiv:1611.03530), section 2.1: one fixed permutation of the pixels for all images. To a network
without any idea of neighbourhood the problem is the same as before, so on twins of MLPs a measure must not tell the
one from the other, either way.
"""

from harness.evaluation.finding import Finding
from harness.judging.questions.question import Outcomes, Question, Rows, too_few, unfitted
from harness.judging.questions.twins import compare, pairs_finding
from harness.judging.twin_statistics import sign_test
from harness.judging.verdict import SIGNIFICANCE
from harness.training.recipe import Recipe
from harness.zoo import interventions
from harness.zoo.zoo import Zoo


def recipes(zoo: Zoo) -> list[Recipe]:
    return [recipe for twin in interventions.shuffled_pixels(zoo) for recipe in (twin.natural, twin.randomized)]


def premise(zoo: Zoo, outcome: Outcomes) -> list[str]:
    """Every network fits its images, and the gap itself tells nothing apart."""
    twins = interventions.shuffled_pixels(zoo)
    if not twins:
        return []
    larger = sum(outcome(twin.randomized).gap > outcome(twin.natural).gap for twin in twins)
    smaller = sum(outcome(twin.randomized).gap < outcome(twin.natural).gap for twin in twins)
    problems = unfitted(recipes(zoo), outcome)
    if min(sign_test(larger, len(twins)), sign_test(smaller, len(twins))) < SIGNIFICANCE:
        problems.append(
            f"the gap is larger under shuffled pixels in {larger} of {len(twins)} twins, smaller in {smaller}"
        )
    return problems


def shuffled_pixels(zoo: Zoo, row: Rows, outcome: Outcomes) -> Finding:
    """`silent`, or `moves` where nothing happened."""
    if none := too_few(interventions.shuffled_pixels(zoo), "one permutation of positions that changes nothing"):
        return none
    verdict = compare(interventions.shuffled_pixels(zoo), row, outcome)
    if verdict.status in ("separates", "inverted"):
        return pairs_finding(verdict, "moves", "tells shuffled pixels from natural ones, where nothing changed")
    return pairs_finding(verdict, "silent", "")


QUESTION = Question("shuffled_pixels", recipes, premise, (shuffled_pixels,))

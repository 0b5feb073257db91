"""The questions put to a measure beyond the gate, in the order in which they are asked: what does it really see?"""

from harness.questions import (
    corrupted_labels,
    early_stopping,
    hyperparameters,
    regularizers,
    same_data,
    sample_size,
    shuffled_pixels,
    stopping_rule,
)
from harness.questions.question import Question

QUESTIONS: tuple[Question, ...] = (
    same_data.QUESTION,
    corrupted_labels.QUESTION,
    regularizers.QUESTION,
    early_stopping.QUESTION,
    stopping_rule.QUESTION,
    sample_size.QUESTION,
    shuffled_pixels.QUESTION,
    hyperparameters.QUESTION,
)

"""What a suite beyond the gate says of a measure."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one clause of a question or a probe says of a measure.

    - `problem`: what is wrong, a sentence; "" if nothing is. `skipped`: why it was not asked; "" if it was.
    - `numbers`: what was measured, by name; of a probe on several models, the largest of each.
    - `status`: of a clause with more than two ends (harness/judging/questions), which of them in a word, as `grows`,
      `flat` or `falls`; `detail`: its numbers in a few words.

    >>> from harness import Finding
    >>> finding = Finding(problem="falls as the attack set grows", status="falls", numbers={"rho": -0.9})
    >>> bool(finding.problem), bool(finding.skipped), finding.detail
    (True, False, '')
    """

    problem: str = ""
    skipped: str = ""
    numbers: dict[str, float] = dataclasses.field(default_factory=dict)
    status: str = ""
    detail: str = ""

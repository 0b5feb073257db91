"""What a run found, as lines of text: the table of verdicts, the overall verdict, what each measure really sees."""

from collections.abc import Sequence

from harness.evaluation.finding import Finding
from harness.judging.questions import QUESTIONS
from harness.judging.reads import BLINDINGS
from harness.judging.units.headline import headline
from harness.judging.verdict import Verdict
from harness.records.record import overall
from harness.zoo.zoo import GATE

FEW_MEASURES = 5
COLUMNS = ("randomized", "units", "twins", "ties", "p", "AUC [95%]", "tau", "s/model", "verdict")
WIDTHS = (13, 5, 5, 4, 7, 17, 5, 7, 0)


def findings_lines(findings: dict[str, dict[str, dict[str, Finding]]]) -> list[str]:
    """What each measure really sees: a line for each question if they are few, else one for each measure."""
    questions = {question.name: question for question in QUESTIONS}
    about = {
        measure: {
            f"{suite}: {clause}" if len(questions[suite].clauses) > 1 else suite: clauses[clause]
            for suite in questions
            for clauses in [suites.get(suite, {})]
            for clause in clauses
        }
        for measure, suites in sorted(findings.items())
    }
    about = {measure: found for measure, found in about.items() if found}
    if len(about) > FEW_MEASURES:
        return ["", *(f"{measure}: {passed(found)}" for measure, found in about.items())]
    lines = []
    for measure, found in about.items():
        lines += ["", f"what {measure} really sees: {passed(found)}"]
        width = max(len(name) for name in found)
        lines += [
            f"  {name:{width}}  {said.status or 'not judged':13}  {said.detail or said.skipped or said.problem}"
            for name, said in found.items()
        ]
    return lines


def reads_lines(findings: dict[str, dict[str, dict[str, Finding]]]) -> list[str]:
    """What each measure reads, and without what it still separates: a line for each that was asked."""
    told = {measure: suites[BLINDINGS.name] for measure, suites in sorted(findings.items()) if BLINDINGS.name in suites}
    lines = [
        f"{measure} reads: {found.detail or found.skipped}" for measure, some in told.items() for found in some.values()
    ]
    return ["", *lines] if lines else []


def passed(found: dict[str, Finding]) -> str:
    judged = [finding for finding in found.values() if not finding.skipped]
    return f"passes {sum(not finding.problem for finding in judged)} of {len(judged)} findings"


def problems(findings: dict[str, dict[str, dict[str, Finding]]]) -> list[str]:
    """A line for each measure and probe that found something wrong: the first thing that it found."""
    questions = {question.name for question in QUESTIONS}
    lines = []
    for measure, suites in sorted(findings.items()):
        for suite, clauses in suites.items():
            wrong = [finding.problem for finding in clauses.values() if finding.problem]
            if wrong and suite not in questions:
                said = "breaks its contract" if suite == "contract" else suite.replace("_", " ")
                lines.append(f"{measure} {said}: {wrong[0]}")
    return lines


def table(verdicts: dict[tuple[str, str], Verdict]) -> list[str]:
    """A line for each measure and condition: units won, twins won, ties among these, and so on."""
    width = max(len("measure"), *(len(name) for name, _ in verdicts))
    widths = (width, *WIDTHS)
    lines: list[tuple[str, ...]] = [("measure", *COLUMNS)]
    for (name, condition), verdict in sorted(verdicts.items(), key=lambda item: (item[0][0], GATE.index(item[0][1]))):
        won, wins, ties, *others = numbers(verdict)
        lines.append((name, condition, won, wins, f"{ties:>4}", *others))
    return ["  ".join(f"{text:{size}}" for text, size in zip(line, widths, strict=True)).rstrip() for line in lines]


def counted(verdict: Verdict) -> str:
    """`14 units, 42 twins a condition`; twins alone where each is a unit."""
    twins = f"{verdict.twins} twins a condition"
    return twins if len(verdict.units) == verdict.twins else f"{len(verdict.units)} units, {twins}"


def titled(zoo: str) -> str:
    """`digits zoo`; twins from elsewhere by what they are called, which has signs in it that no zoo's name has."""
    return zoo if {":", " "} & {*zoo} else f"{zoo} zoo"


def numbers(verdict: Verdict) -> tuple[str, ...]:
    """What stands in the table beside the names of the measure and the condition; "-" for what there is not."""
    if verdict.crashed:
        return ("-",) * (len(COLUMNS) - 3) + (seconds_shown(verdict.seconds), verdict.status)
    area = "-"
    if verdict.auc is not None and verdict.auc_interval is not None:
        area = f"{verdict.auc:.2f} [{verdict.auc_interval[0]:.2f}, {verdict.auc_interval[1]:.2f}]"
    return (
        f"{verdict.won}/{len(verdict.units)}",
        f"{verdict.wins}/{verdict.twins}",
        str(verdict.ties),
        f"{verdict.p_value:.2g}",
        area,
        "-" if verdict.kendall_tau is None else f"{verdict.kendall_tau:.2f}",
        seconds_shown(verdict.seconds),
        verdict.status,
    )


def seconds_shown(seconds: float) -> str:
    """With two digits that say something, however short it was."""
    return f"{seconds:.1f}" if seconds >= 10 else f"{seconds:.2g}"


def conclusion(measure: str, verdicts: dict[tuple[str, str], Verdict], gate: Sequence[str] = GATE) -> tuple[str, bool]:
    """The measure's overall verdict as a sentence, and whether it passes; `gate`: the zoo's conditions."""
    verdict = overall(measure, verdicts, gate)
    if verdict is None:
        asked = [name.replace("_", " ") for name in gate if (measure, name) in verdicts]
        return f"{measure}: no overall verdict; the gate is all of it, and only {', '.join(asked)} ran", False
    if verdict == "separates":
        every = f"all {len(gate)} randomizations" if len(gate) > 1 else "its one randomization"
        return f"{measure} PASSES the gate: it separates in {every}{_worst(measure, verdicts, gate)}", True
    if crash := next((verdicts[measure, name] for name in gate if verdicts[measure, name].crashed), None):
        return f"{measure} has no verdict: {crash.reason}", False
    failed = [
        f"{verdicts[measure, name].status.replace('_', ' ')} on {name.replace('_', ' ')}"
        for name in gate
        if verdicts[measure, name].status != "separates"
    ]
    return f"{measure} FAILS the gate: {', '.join(failed)}{_worst(measure, verdicts, gate)}", False


def _worst(measure: str, verdicts: dict[tuple[str, str], Verdict], gate: Sequence[str]) -> str:
    """`; at worst gaussian: 11 of 14 units (13 needed)`."""
    return f"; at worst {headline([verdicts[measure, name] for name in gate])}"

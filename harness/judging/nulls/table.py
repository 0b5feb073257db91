"""What was counted, as tables in Markdown that can stand in a document."""

from collections.abc import Mapping, Sequence

from harness.judging.nulls.passing import GATE, Passed, Share


def gate_table(found: Sequence[Passed]) -> str:
    """How many of each group pass each condition, and the gate; of a group that passes in part, which.

    "at most": the 95% upper limit of the rate at which the gate is passed, where it was drawn.
    """
    conditions = [name for name in found[0].gate if name != GATE]
    words = [name.replace("_", " ") for name in conditions]
    lines = [_line(["null", "how many", *words, "the gate", "at most"]), _line(["---"] * (len(words) + 4))]
    for group in found:
        of = f"{group.gate[GATE].of:,}" + (" draws" if group.drawn else "")
        shares = [_shown(group.gate[name], group.drawn) for name in conditions]
        lines.append(_line([group.group, of, *shares, _gate(group), _at_most(group)]))
    return "\n".join(lines)


def findings_table(found: Sequence[Passed]) -> str:
    """The same of each finding; "" where none was asked."""
    clauses = list(dict.fromkeys(name for group in found for name in group.findings))
    if not clauses:
        return ""
    lines = [_line(["passes", *(group.group for group in found)]), _line(["---"] * (len(found) + 1))]
    lines += [_line([clause, *(_of(group.findings.get(clause), group.drawn) for group in found)]) for clause in clauses]
    return "\n".join(lines)


def sentences(reasons: Mapping[str, str]) -> str:
    """Which questions were not asked, and why."""
    return "\n".join(f"- `{name}` was not asked: {reason}" for name, reason in reasons.items())


def _gate(group: Passed) -> str:
    share = group.gate[GATE]
    names = f": {', '.join(group.names)}" if 0 < share.passed < share.of and group.names else ""
    return f"**{_shown(share, group.drawn)}**{names}"


def _at_most(group: Passed) -> str:
    return f"{group.gate[GATE].at_most:.2%}" if group.drawn else ""


def _shown(share: Share, drawn: bool) -> str:
    """A rate of draws, a count of the others."""
    return f"{share.rate:.1%}" if drawn else f"{share.passed} of {share.of}"


def _of(share: Share | None, drawn: bool) -> str:
    if share is None:
        return "not asked"
    return f"{share.rate:.0%} of {share.of}" if drawn else f"{share.passed} of {share.of}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

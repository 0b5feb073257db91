"""What suffices for a measure to separate? From what it tells apart with parts hidden, a word and a sentence."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from harness.evaluation.blinding import Part
from harness.judging.units.decision import UnitDecision
from harness.judging.units.networks import enough
from harness.training.recipe import Condition

Suffices = Literal[
    "data_suffices",
    "retraining_suffices",
    "history_suffices",
    "needs_the_network",
    "needs_network_and_history",
    "does_not_separate",
]
WITHOUT: dict[Part, str] = {
    "network": "the network",
    "history": "history",
    "network_and_history": "either",
    "initial_weights": "its initial weights",
    "retraining": "retraining",
}


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a measure tells apart, as it is or with a part hidden.

    - `decided`: by condition, whether the randomized twin of each unit is larger by more than a tie.
    - `without_value`: what became of it where it has no value on any model, as `not applicable`; else "".
    """

    decided: Mapping[Condition, Sequence[UnitDecision]]
    without_value: str = ""

    @property
    def units(self) -> int:
        """How many there are under each condition."""
        return max(map(len, self.decided.values()))

    @property
    def won(self) -> dict[Condition, int]:
        """How many are won, by condition."""
        return {name: sum(unit.decision == "won" for unit in units) for name, units in self.decided.items()}

    @property
    def separates(self) -> list[Condition]:
        """The conditions under which enough units are won, of enough networks."""
        return [condition for condition, units in self.decided.items() if enough(units)]

    def keeps(self, whole: "Answer") -> bool:
        """Whether it still separates all that it separates as it is."""
        return {*whole.separates} <= {*self.separates}

    def in_words(self, whole: "Answer") -> str:
        """The same in a few words."""
        if self.keeps(whole):
            return "yes"
        kept = [condition for condition in whole.separates if condition in self.separates]
        return self.without_value or (f"{listed(kept)} alone" if kept else "no")


def listed(conditions: Sequence[Condition]) -> str:
    """Their names as a text."""
    return " and ".join(condition.replace("_", " ") for condition in conditions)


def status_of(whole: Answer, without: Mapping[Part, Answer], reads: Collection[Part]) -> Suffices:
    """The least that suffices to separate what it separates as it is: all conditions of the gate, or some.

    - `data_suffices`: it does with the untrained network and the natural history for both twins. Where it also trains
      networks anew that is `retraining_suffices`: it can have trained what was hidden.
    - `history_suffices`: it does with the untrained network. What else it reads, history has to be there.
    - `needs_the_network`: it does without history, and not without the network.
    - `needs_network_and_history`: it does without neither of them.
    - `does_not_separate`: it separates nothing, on these seeds.
    """
    if not whole.separates:
        return "does_not_separate"
    if without["network_and_history"].keeps(whole):
        return "retraining_suffices" if "retraining" in reads else "data_suffices"
    if without["network"].keeps(whole):
        return "history_suffices"
    return "needs_the_network" if without["history"].keeps(whole) else "needs_network_and_history"


def detail_of(
    whole: Answer, without: Mapping[Part, Answer], reads: Collection[Part], reads_data: bool | None, status: Suffices
) -> str:
    """What it reads, and how it fares without each, as `network, data; separates without the network: no`.

    `reads_data` is None where that is not known.
    """
    named = [part.replace("_", " ") for part in reads]
    read = ", ".join([*named, *(["data"] if reads_data else [])]) or "nothing that differs"
    read += " (of data it is not known)" if reads_data is None else ""
    if not whole.separates:
        return f"{read}; separates nothing"
    asked: list[Part] = ["network", *(part for part in reads if part != "network")]
    if "network" in reads and "history" in reads:
        asked.insert(2, "network_and_history")
    told = [f"without {WITHOUT[part]}: {without[part].in_words(whole)}" for part in asked]
    if status.endswith("_suffices"):
        told[0] += f" ({status.replace('_', ' ')})"
    if len(whole.separates) == len(whole.decided):
        return f"{read}; separates {', '.join(told)}"
    return f"{read}; separates {listed(whole.separates)} alone; {', '.join(told)}"

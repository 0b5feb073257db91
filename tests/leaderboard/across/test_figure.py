"""The figure's order of units, and what it draws where a ratio of steps or a share is not known."""

from typing import Any

from harness.leaderboard.across.figure import draw, ordered
from harness.zoo.zoo import GATE


def unit(ratio: float | None) -> dict[str, Any]:
    return {"network": "mlp_1x512", "data_set": "digits", "steps_ratio": dict.fromkeys(GATE, ratio)}


def test_units_stand_by_their_ratio_of_steps_and_those_without_last() -> None:
    assert ordered([unit(2.0), unit(None), unit(0.5), unit(2.0)], "gaussian") == [2, 0, 3, 1]


def test_there_is_a_panel_for_each_condition_with_a_number_for_each_known_share() -> None:
    shares: dict[str, list[float | None]] = {name: [0.25, None, 1.0] for name in GATE}
    families = {name: {"shares": shares, "measures": ["a", "b"]} for name in ("all measures", "norms")}
    measures = {"a": {"zoos": ["one", "two"]}, "b": {"zoos": ["one"]}}  # of which units of both are compared by a
    figure = draw({"units": [unit(2.0), unit(None), unit(0.5)], "families": families, "measures": measures})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["random labels", "random pixels", "gaussian"]
    for axes in figure.axes:
        assert [label.get_text() for label in axes.get_yticklabels()] == ["all measures (1)", "norms (1)"]
        assert [label.get_text()[-4:] for label in axes.get_xticklabels()] == ["×0.5", "  ×2", "gits"]
        assert sorted(text.get_text() for text in axes.texts) == [
            *("100", "100", "25", "25", "fitted in fewer steps", "in more")
        ]

"""A report is shown when it comes on a terminal, and now and then where nobody watches."""

import pytest

from harness.workers.progress import progress_bar


def test_where_nobody_watches_a_report_is_a_line_when_one_is_due_also_after_a_model_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 0.0
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    bar = progress_bar("training", 3, "models", True)
    monkeypatch.setattr(bar, "_time", lambda: now)
    bar.start_t = bar.last_print_t = now
    lines = []
    for minute in range(4):
        bar.update(1 if minute in (1, 2) else 0)
        for _ in range(6):
            now += 11
            capsys.readouterr()
            bar.set_postfix_str(f"after {now:.0f} seconds", refresh=False)
            bar.update(0)
            lines.append(f"after {now:.0f} seconds" in capsys.readouterr().err)
    bar.close()
    assert all(lines)

"""`shatterproof judge ./mine.py::my_measure`: the verdict of the gate, from any folder, as an exit status."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.command_options import with_settings
from harness.options import FRESH, NETWORKS, with_options
from harness.settings import Settings

if TYPE_CHECKING:
    from harness.judgement import Judgement


def names_of_measures(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """What the shell completes: the names of this project's measures, or files."""
    from harness.evaluation.catalogue import declared

    here = Path(incomplete).parent if "/" in incomplete else Path()
    files = [str(path) for path in here.glob("*.py")] if here.is_dir() else []
    return [name for name in [*(measure.name for measure in declared()), *files] if name.startswith(incomplete)]


@click.command()
@click.argument("specs", nargs=-1, required=True, metavar="MEASURE...", shell_complete=names_of_measures)
@with_options((*NETWORKS, FRESH))
@click.option("--findings", is_flag=True, help="Also what it really sees: trains several times as many networks.")
@with_settings(work=True, measures=True)
def judge(
    specs: tuple[str, ...],
    zoo: str | None,
    twins: str | None,
    fresh: int | None,
    findings: bool,
    settings: Settings,
) -> None:
    """Judge each MEASURE by the gate: a name, path/file.py[::function], or package.module:function.

    Missing networks are trained first; with --twins, yours are loaded. Exit status 0 if every measure passes, 1 if one
    does not, whatever is recorded of it. For the other suites and for records: pytest --pyargs suites.
    """
    from harness.evaluation.measure_lookup import check_names, find_measures

    check_names(specs)
    from harness.notebook import judge_with, networks_to_judge_on
    from harness.workers.pool import warm_up

    measures = find_measures(specs)
    warm_up(many_forks=any(measure.family == "external" for measure in measures))
    networks, settings = networks_to_judge_on(zoo, twins, findings, settings, fresh)
    passed = True
    for measure in measures:
        judgement = judge_with(measure, networks, settings, findings)
        click.echo(_shown(judgement))
        passed = passed and judgement.passes
    sys.exit(0 if passed else 1)


def _shown(judgement: "Judgement") -> str:
    """Its text, and the sentence of every condition under which it does not pass."""
    failed = [verdict.explain() for verdict in judgement.verdicts.values() if not (verdict.passes or verdict.crashed)]
    return "\n".join([f"{judgement}", *failed])

"""`python -m harness zoo check|networks|verify|gc|export|import|release`."""

import shlex
from pathlib import Path

import click

from harness.command_options import with_settings
from harness.errors import HarnessError
from harness.settings import Settings


@click.command()
@click.argument("spec")
@with_settings(work=True)
def check(spec: str, settings: Settings) -> None:
    """Try a zoo: its data, its networks, and one twin of each unit trained. Exit status 1 if anything is wrong.

    SPEC is a name, path/file.py::zoo, package.module:zoo, or an installed package's entry point.
    """
    from harness.judging.units.witnesses import check_enough
    from harness.zoo.check import check
    from harness.zoo.opening import find_zoo

    zoo = find_zoo(spec)
    check_enough(zoo)
    problems = check(zoo, settings, click.echo)
    for problem in problems:
        click.echo(f"problem: {problem}", err=True)
    click.echo(f"{len(problems)} problems" if problems else f"sound: pytest suites/ --zoo={spec} judges on it")
    if problems:
        raise SystemExit(1)


@click.command()
@click.argument("spec", default="digits")
@with_settings()
def networks(spec: str, settings: Settings) -> None:
    """A zoo's networks as a table in Markdown: parameters, training, epochs and seconds to fit each condition.

    These are of the models in the store; `train` trains what is not there.
    """
    from harness.zoo.networks_table import in_store, networks_table
    from harness.zoo.opening import opened

    zoo, settings = opened(spec, settings)
    click.echo("\n".join(networks_table(zoo, settings, in_store(settings))))


@click.command()
@click.option("--set-aside", is_flag=True, help="Move what is damaged out of the way; it is trained again when needed.")
@with_settings()
def verify(set_aside: bool, settings: Settings) -> None:
    """Verify every byte of every model in the store. Exit status 1 if any is damaged."""
    from harness.store.listing import keys, verify
    from harness.store.store import store_of
    from harness.store.stored_model import Damaged
    from harness.workers.progress import progress_bar

    store = store_of(settings)
    found = keys(store)
    damaged = 0
    with progress_bar("verifying", len(found), "models", show=True) as bar:
        for key, model in verify(store, found):
            bar.update()
            if isinstance(model, Damaged):
                damaged += 1
                aside = f"; set aside as {store.set_key_aside(key)}" if set_aside else ""
                bar.write(f"damaged: {model}{aside}")
    click.echo(f"{len(found)} models in {settings.cache_dir}, {damaged} of them damaged")
    if damaged:
        raise SystemExit(1)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("--old-versions", is_flag=True, help="Also models of other versions of the training code.")
@click.option(
    "--other-machines", is_flag=True, help="Also what other machines left; only while none of them is working."
)
@with_settings()
def gc(dry_run: bool, old_versions: bool, other_machines: bool, settings: Settings) -> None:
    """Remove what nothing needs: litter of ended processes, states of done trainings, damaged models, idle locks."""
    from harness.store.garbage import garbage, remove
    from harness.store.store import store_of

    count = size = 0
    for found in garbage(store_of(settings), old_versions, other_machines):
        if dry_run or remove(found):
            if found.path.suffix != ".lock":
                click.echo(f"{found.bytes:>12,}  {found.path}: {found.why}")
            count, size = count + 1, size + found.bytes
    click.echo(f"{'would remove' if dry_run else 'removed'}: {count} files and folders, {size:,} bytes")


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--zoo", "name", metavar="NAME", help="Only the models of this zoo's gate [all in the store].")
@click.option("--findings", is_flag=True, help="With --zoo, those of the other suites as well.")
@with_settings()
def export_models(file: Path, name: str | None, findings: bool, settings: Settings) -> None:
    """Write models to one FILE, to be imported into another store."""
    from harness.judging.plan import all_recipes
    from harness.store.export import export
    from harness.store.listing import keys
    from harness.store.store import store_of
    from harness.zoo.opening import opened
    from harness.zoo.zoo import recipes

    store = store_of(settings)
    if name is None:
        wanted = keys(store)
    else:
        zoo, settings = opened(name, settings)
        found = all_recipes(zoo) if findings else recipes(zoo, zoo.gate)
        wanted = [recipe.key for recipe in found if store.holds(recipe)]
        if len(wanted) < len(found):
            click.echo(f"{len(found) - len(wanted)} of {len(found)} models are not trained yet", err=True)
    if not wanted:
        raise HarnessError(f"no models to export in {settings.cache_dir}; `python -m harness train` trains some")
    count = export(store, wanted, file)
    click.echo(f"{count} models written to {file}, {file.stat().st_size:,} bytes")


@click.command("import")
@click.argument("address")
@click.option("--sha256", metavar="DIGEST", help="The archive must have it; required for an https address.")
@with_settings()
def import_archive(address: str, sha256: str | None, settings: Settings) -> None:
    """Take the models of an archive into the store. It is refused whole unless it is exactly what it says.

    ADDRESS is a path or https://..., which may end with #sha256=DIGEST. Nothing is imported that has another digest.
    """
    from harness.files.address import address_of
    from harness.store.importing import import_from
    from harness.store.store import store_of
    from harness.workers.progress import progress_bar

    wanted = address_of(address, sha256)
    try:
        with progress_bar("downloading", None, "B", show=wanted.path is None) as bar:

            def heard(more: int, total: int | None) -> None:
                bar.total = total
                bar.update(more)

            new, kept = import_from(wanted, store_of(settings), heard)
    except KeyboardInterrupt as interrupt:
        raise HarnessError(
            "interrupted: models that are imported already are whole, and are kept; the same command begins again"
        ) from interrupt
    click.echo(f"{new} models imported into {settings.cache_dir}; {kept} were there already")


@click.command("release")
@click.argument("spec")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--findings", is_flag=True, help="The models of the other suites as well.")
@click.option("--address", metavar="URL", help="Where the folder's files will be [the command shown has a path].")
@with_settings(work=True)
def release_zoo(spec: str, folder: Path, findings: bool, address: str | None, settings: Settings) -> None:
    """Write a zoo's models and their digest to FOLDER for others, and show how they import them.

    What is not trained yet is trained first. SPEC is a name, path/file.py::zoo, package.module:zoo, or an entry point.
    """
    from harness.files.address import check_https
    from harness.judging.plan import all_recipes
    from harness.zoo.build import build
    from harness.zoo.interventions import check_fitted
    from harness.zoo.opening import opened
    from harness.zoo.release import archive_name, release
    from harness.zoo.zoo import recipes

    if address is not None:
        check_https(address, f"--address {address:.200}")
    zoo, settings = opened(spec, settings)
    wanted = all_recipes(zoo) if findings else recipes(zoo, zoo.gate)
    check_fitted(zoo, build(wanted, settings, say=lambda text: click.echo(text, err=True)))
    found = release(wanted, settings, folder, archive_name(zoo, findings))
    where = f"{address.rstrip('/')}/{found.path.name}" if address else shlex.quote(str(found.path))
    click.echo(f"{found.models} models in {found.path}, {found.path.stat().st_size:,} bytes. To import them:\n")
    click.echo(f"    python -m harness zoo import {where} --sha256 {found.sha256}")

"""`python -m harness zoo verify|gc|export|import`."""

from pathlib import Path

import click

from harness.command_options import with_settings
from harness.errors import HarnessError
from harness.settings import Settings


@click.command()
@click.option("--set-aside", is_flag=True, help="Move what is damaged out of the way; it is trained again when needed.")
@with_settings()
def verify(set_aside: bool, settings: Settings) -> None:
    """Verify every byte of every model in the store. Exit status 1 if any is damaged."""
    from harness.entry import Damaged
    from harness.progress import progress_bar
    from harness.store import store_of
    from harness.storekeeping.entries import keys, verify

    store = store_of(settings)
    found = keys(store)
    damaged = 0
    with progress_bar("verifying", len(found), "models", show=True) as bar:
        for key, entry in verify(store, found):
            bar.update()
            if isinstance(entry, Damaged):
                damaged += 1
                aside = f"; set aside as {store.set_key_aside(key)}" if set_aside else ""
                bar.write(f"damaged: {entry}{aside}")
    click.echo(f"{len(found)} models in {settings.cache_dir}, {damaged} of them damaged")
    if damaged:
        raise SystemExit(1)


@click.command()
@click.option("--dry-run", is_flag=True, help="Only list what would be removed.")
@click.option("--old-versions", is_flag=True, help="Also models of other versions of the training code.")
@click.option(
    "--other-machines", is_flag=True, help="Also what other machines left; only while none of them is at work."
)
@with_settings()
def gc(dry_run: bool, old_versions: bool, other_machines: bool, settings: Settings) -> None:
    """Remove what nothing needs: litter of ended processes, states of done trainings, damaged models, idle locks."""
    from harness.store import store_of
    from harness.storekeeping.garbage import garbage, remove

    count = size = 0
    for each in garbage(store_of(settings), old_versions, other_machines):
        if dry_run or remove(each):
            if each.path.suffix != ".lock":
                click.echo(f"{each.bytes:>12,}  {each.path}: {each.why}")
            count, size = count + 1, size + each.bytes
    click.echo(f"{'would remove' if dry_run else 'removed'}: {count} files and folders, {size:,} bytes")


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--zoo", "name", metavar="NAME", help="Only the models of this zoo's gate [all in the store].")
@click.option("--findings", is_flag=True, help="With --zoo, those of the other suites as well.")
@with_settings()
def export_models(file: Path, name: str | None, findings: bool, settings: Settings) -> None:
    """Write models to one FILE, to be imported into another store."""
    from harness.record import all_recipes
    from harness.store import store_of
    from harness.storekeeping.entries import keys
    from harness.storekeeping.export import export
    from harness.zoo import GATE, find_zoo, pinned, recipes

    store = store_of(settings)
    if name is None:
        wanted = keys(store)
    else:
        zoo = pinned(find_zoo(name), settings)
        found = all_recipes(zoo) if findings else recipes(zoo, GATE)
        wanted = [recipe.key for recipe in found if store.holds(recipe)]
        if len(wanted) < len(found):
            click.echo(f"{len(found) - len(wanted)} of {len(found)} models are not trained yet", err=True)
    if not wanted:
        raise HarnessError(f"no models to export in {settings.cache_dir}; `python -m harness train` trains some")
    count = export(store, wanted, file)
    click.echo(f"{count} models written to {file}, {file.stat().st_size:,} bytes")


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_settings()
def import_file(file: Path, settings: Settings) -> None:
    """Take the models of a FILE into the store; one that is not exactly what it says is refused whole."""
    from harness.store import store_of
    from harness.storekeeping.importing import import_models

    new, kept = import_models(file, store_of(settings))
    click.echo(f"{new} models imported into {settings.cache_dir}; {kept} were there already")

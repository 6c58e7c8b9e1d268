"""`python -m search.ensemble --study S`: combine trained runs from their stored answers, and say what that is worth."""

import json
from pathlib import Path

import click

from search.edge import UserError, run
from search.options import runs_option, storage_option, storage_url


@click.command("ensemble")
@click.option("--study", "--name", "names", multiple=True, metavar="NAME", help="A stored study (default: the newest).")
@click.option(
    "--data",
    envvar="CETERIS_DATA",
    metavar="DATA",
    help="A copy of the data, for the labels of the validation images (default: the built-in data of the study).",
)
@click.option("--vote", type=click.Choice(["soft", "hard", "greedy"]), default="greedy", show_default=True)
@click.option(
    "--top", type=click.IntRange(1), metavar="K", help="The best K vote (default: 5); greedy chooses among them (all)."
)
@click.option(
    "--members",
    "kind",
    type=click.Choice(["recipes", "runs"]),
    help="recipes: all folds of one cut, each as one; runs: single runs of one split (default: what there is).",
)
@click.option("--phase", "phases", multiple=True, metavar="PHASE", help="Only runs of this phase: confirm, 1-lr, ...")
@click.option("--trial", "trials", multiple=True, metavar="PHASE#N", help="Only these runs: 1-lr#4, T/confirm#0, ...")
@click.option(
    "--predictions",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Predictions of another program: CSV (path, one column a class) or npz (rows or paths, probabilities).",
)
@click.option("--as", "name", metavar="NAME", help="Name of the ensemble (default: how it was chosen).")
@click.option("--test/--no-test", default=True, help="Whether to look at the test part, which is counted.")
@click.option("--cache", envvar="CETERIS_CACHE", type=click.Path(path_type=Path, file_okay=False), hidden=True)
@storage_option
@runs_option
@click.option("--json", "as_json", is_flag=True, help="Machine-readable: what is kept in the run folder.")
def main(
    names: tuple[str, ...],
    data: str | None,
    vote: str,
    top: int | None,
    kind: str | None,
    phases: tuple[str, ...],
    trials: tuple[str, ...],
    files: tuple[Path, ...],
    name: str | None,
    test: bool,
    cache: Path | None,
    storage: str | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Combine runs of one study or of several by voting. Nothing is trained: every run has left its answers.

    The score it shows is honest: members are chosen on one part of the groups and scored on the other.
    """
    from search import ensemble_text, ensembles
    from search.assembling import assemble, ensemble_of, looked_at
    from search.ensembling import Rule
    from search.find import find_study
    from search.folder import RunFolder, file_name
    from search.labelled import labelled
    from storage.store import Store

    store = Store.connect(storage_url(storage, runs))
    studies = [find_study(store, each) for each in dict.fromkeys(names)] or [find_study(store, None)]
    assembled = assemble(
        studies,
        labelled(studies, data, cache),
        kind=kind,  # type: ignore[arg-type]
        phases=phases,
        trials=trials,
        files=files,
    )
    rule = Rule(vote, top)  # type: ignore[arg-type]
    name = name or (vote if top is None else f"{vote}-{top}")
    if name != file_name(name):
        raise UserError(
            f"--as {name!r} names a file: letters, digits, '.', '_' and '-' only; {file_name(name)} would do"
        )
    ensemble = ensemble_of(assembled, rule, name)
    seen = looked_at(assembled, rule, ensemble) if test else None
    kept = ensembles.keep(seen or ensemble, RunFolder.of(studies[0], runs))
    if as_json:
        click.echo(json.dumps((seen or ensemble).model_dump(mode="json"), indent=2, ensure_ascii=True))
        return
    for line in ensemble_text.lines(assembled, seen or ensemble, looked=test):
        click.echo(line)
    click.echo(f"  kept in {kept}")


if __name__ == "__main__":
    run(main)

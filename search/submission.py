"""`python -m search.submission --trial confirm#1 --score 0.7312`: what a leaderboard said, kept and listed."""

from pathlib import Path

import click

from search.edge import UserError, run
from search.options import runs_option, storage_option, storage_url


@click.command("submission")
@click.option("--study", "--name", "name", metavar="NAME", help="Name of the stored study (default: the newest).")
@click.option("--trial", metavar="PHASE#N", help="What was sent in: a trial, such as confirm#1.")
@click.option(
    "--model", type=click.Path(path_type=Path, file_okay=False), help="What was sent in: an exported model's folder."
)
@click.option("--ensemble", metavar="NAME", help="What was sent in: an ensemble of the study.")
@click.option("--score", type=float, help="What the leaderboard said.")
@click.option("--note", default="", metavar="TEXT", help="Anything to be remembered with it.")
@storage_option
@runs_option
def main(
    name: str | None,
    trial: str | None,
    model: Path | None,
    ensemble: str | None,
    score: float | None,
    note: str,
    storage: str | None,
    runs: Path,
) -> None:
    """Record a leaderboard score in the database, and show all of them beside validation and test.

    Without --trial, --model or --ensemble it is that of the run which the study recommends. Rows are only ever added.
    """
    given = [each for each in (trial, model, ensemble) if each is not None]
    if len(given) > 1:
        raise UserError("give one of --trial, --model and --ensemble: a submission is one of them")
    if given and score is None:
        raise UserError("say what the leaderboard said: --score 0.7312")
    from search.answer import table
    from search.find import find_study
    from search.sent import sent_in
    from search.submissions import read, record, rows_of
    from storage.store import Store

    store = Store.connect(storage_url(storage, runs))
    if score is not None:
        sent = sent_in(store, name, trial, model, ensemble, runs)
        study = sent.study
        record(study, sent.words, score, sent.validation, sent.test, note)
    else:
        study = find_study(store, name)
    found = read(study)
    if not found:
        click.echo(f"{study.name}: no submission yet; record one with --score")
        return
    for line in table(rows_of(found)):
        click.echo(line)


if __name__ == "__main__":
    run(main)

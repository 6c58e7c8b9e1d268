"""`python -m search.predict --study S --data PICTURES --out submission.csv`: answers to pictures without labels."""

from pathlib import Path
from typing import Literal

import click

from search.edge import UserError, run
from search.options import checkpoints_option, runs_option, storage_option

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("predict")
@click.option("--study", "--name", "name", metavar="NAME", help="A stored study (default: the newest).")
@click.option("--trial", metavar="PHASE#N", help="Which trial of it (default: the best confirmed one).")
@click.option("--ensemble", metavar="NAME", help="An ensemble of the study, made by search.ensemble.")
@click.option(
    "--model",
    "models",
    multiple=True,
    type=FOLDER,
    help="An exported model: no database is needed. Several vote, or answer one part of the label each.",
)
@click.option(
    "--data", "pictures", required=True, type=click.Path(path_type=Path), help="A folder of pictures, or .npz arrays."
)
@click.option("--out", required=True, type=FILE, help="The CSV file to be written.")
@click.option(
    "--info", type=FILE, help="The contest's table: its columns and its order (default: info.csv in the folder)."
)
@click.option(
    "--tta", type=click.Choice(["off", "flip"]), default="off", show_default=True, help="flip: mirror images count too."
)
@click.option("--probabilities", is_flag=True, help="Without --info: a column for each class.")
@click.option(
    "--answer",
    type=click.Choice(["auto", "index", "label"]),
    default="auto",
    show_default=True,
    help="With --info: a class by its index from 0, or by its name.",
)
@click.option("--skip-broken", is_flag=True, help="Give pictures that cannot be read the most frequent answer.")
@click.option("--resize", is_flag=True, help="Resize arrays of another size than the model was trained at.")
@click.option("--follow-links", is_flag=True, help="Follow links that lead out of the folder.")
@click.option("--device", envvar="CETERIS_DEVICE", default="auto", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")
@click.option("--code", multiple=True, type=FILE, help="The Python file of a net of your own.")
@click.option("--trust-code", is_flag=True, help="Run the code of a net that is kept with the study or model.")
@click.option("--quiet", is_flag=True, help="No progress.")
@storage_option
@runs_option
@checkpoints_option
def main(
    name: str | None,
    trial: str | None,
    ensemble: str | None,
    models: tuple[Path, ...],
    pictures: Path,
    out: Path,
    info: Path | None,
    tta: str,
    probabilities: bool,
    answer: Literal["auto", "index", "label"],
    skip_broken: bool,
    resize: bool,
    follow_links: bool,
    device: str,
    code: tuple[Path, ...],
    trust_code: bool,
    quiet: bool,
    storage: str | None,
    runs: Path,
    checkpoints: str | None,
) -> None:
    """Answer every picture of a folder, of any size, and write a contest's file or one with probabilities.

    With the contest's table (--info) its columns, order and numbering are kept. Nothing is written unless every
    picture is answered.
    """
    if models and (name or trial or ensemble):
        raise UserError("give --model, or --study with --trial or --ensemble: not both")
    if trial and ensemble:
        raise UserError("give --trial or --ensemble: not both")
    from search.answer_pictures import Asked, answer_pictures
    from search.decoding import decode_progress
    from search.experts import of_folders, of_study

    panel = of_folders(models) if models else of_study(storage, runs, checkpoints, name, trial, ensemble)
    asked = Asked(pictures, out, info, answer, probabilities, resize, follow_links, skip_broken, tta == "flip")
    with decode_progress(quiet, "answering") as progress:
        told = answer_pictures(panel, asked, device, code, trust_code, progress)
    for line in told:
        click.echo(line)


if __name__ == "__main__":
    run(main)

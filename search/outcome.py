"""What a launch prints after the last trial, and what it leaves in the run folder."""

from pathlib import Path

from search import conclusions
from search.answer import answer_lines
from search.folder import RunFolder
from search.kept import keep_best_weights
from search.notes import Notes
from search.report_files import Current
from search.snapshot import take
from search.study import Study
from storage.checkpoints import Checkpoints
from trainer.recipe import read_recipe


def answer(
    study: Study, folder: RunFolder, checkpoints: Checkpoints, report: Current, *, again: bool = False
) -> list[str]:
    """The answer, line by line. It is kept, the report, the recommended recipe and the weights in the run folder.

    `again`: the study was finished before, so that a report that is there is the last one.
    """
    conclusions.settle_test_report(study, "launcher")  # a worker that was stopped at that moment has not
    snapshot = take(study)
    Notes().keep(snapshot)
    lines = answer_lines(snapshot)
    folder.write_text("answer.txt", "\n".join(lines) + "\n")
    written = (report.there() if again else ()) or report.write(snapshot)
    if snapshot.headline is None:
        return lines
    recipe = read_recipe(snapshot.headline.recipe)
    folder.write_json("recipe.json", recipe.model_dump(mode="json"))
    kept = [file.relative_to(folder.path).as_posix() for file in keep_best_weights(snapshot, folder, checkpoints)]
    confirmed = kept[-1:] if kept and Path(kept[-1]).name.startswith("confirm-") else []
    more = f", weights of {len(kept) - len(confirmed)} stage winners" if len(kept) > len(confirmed) else ""
    files = ", ".join(["answer.txt", "recipe.json", *written, *confirmed]) + more
    missing = "" if confirmed else " (its weights are on another server: python -m search.pull names it)"
    return [*lines, f"  kept in {folder.path}: {files}{missing}"]

"""The answer of a study as text: what a person reads first, and last."""

from collections.abc import Sequence

from search.deadline import ENDED
from search.records import Ablation, Gain, Headline, TestReport
from search.sentences import evidence_of, fresh, points, winner_words
from search.snapshot import Snapshot, StageLine
from spaces.domain import label
from spaces.stage import is_range, scientific_values

HEADER = ("stage", "winner", "score", "trials (finished/stalled/pruned/diverged)")


def answer_lines(snapshot: Snapshot) -> list[str]:
    """The table of stages and the headline; every score is a macro-F1 (or the study's metric) between 0 and 1."""
    rows = [HEADER, *(stage_cells(line) for line in snapshot.stages)]
    lines = table(rows)
    headline = snapshot.headline
    if headline is None:
        return [*lines, "", *doubts(snapshot), "not answered yet: the same launch line goes on"]
    lines += ["", *doubts(snapshot), f"Answer: {headline.why}."]
    count = len(headline.replicates)
    if headline.validation_gain:
        lines.append(
            f"  baseline -> final recipe on {count} fresh replicates (validation decides, test is only shown):"
        )
        lines.append(_change("validation", headline.baseline_validation, headline.validation, headline.validation_gain))
        if headline.test_gain:
            lines.append(_change("test", headline.baseline_test, headline.test, headline.test_gain))
    elif headline.validation is not None and headline.baseline_validation is not None:
        lines.append(f"  baseline -> final recipe on one fresh replicate: {_single(headline)}")
    elif headline.validation is not None:
        test = f", test {headline.test:.4f}" if headline.test is not None else ""
        lines.append(f"  baseline on {fresh(count)}: validation {headline.validation:.4f}{test}")
    lines += _test_lines(snapshot.test)
    lines += ablation_lines(snapshot.ablation)
    lines.append(f"  recipe: {recipe_words(snapshot)}")
    if snapshot.depth == "quick":
        lines.append("  this was quick: one replicate decided. The same line without --quick adds the error bars, and")
        lines.append("  trains nothing again")
    return lines


def answer_sentence(snapshot: Snapshot) -> str:
    """The answer in one sentence, or how far the study is from it."""
    headline = snapshot.headline
    if headline is not None:
        return f"{headline.why[:1].upper()}{headline.why[1:]}."
    return f"Not answered yet: {len(snapshot.ended)} runs have ended, at most {snapshot.remaining} are to go."


def ablation_lines(told: Ablation | None) -> list[str]:
    """What each winner is worth in the end, and whether the parts add up."""
    if told is None:
        return []
    if not told.worths:
        return ["  ablation: nothing to put back, no stage carried a new value"]
    lines = [f"  what each factor is worth in the end, put back on {len(told.replicates)} replicates:"]
    for worth in told.worths:
        gain = points(worth.gain) if worth.gain else "not told: too few common replicates"
        lines.append(f"    {worth.stage}: {worth.value} instead of {worth.put_back}: {gain}")
    if told.together and told.beyond:
        apart = told.beyond.low > 0 or told.beyond.high < 0
        adds = "they do not add up: the factors interact" if apart else "they add up, as far as can be told"
        lines.append(f"    together {points(told.together)}, which is {points(told.beyond)} beyond their sum: {adds}")
    return lines


def _single(headline: Headline) -> str:
    told = f"validation {headline.baseline_validation:.4f} -> {headline.validation:.4f}"
    if headline.test is None or headline.baseline_test is None:
        return told
    return f"{told}, test {headline.baseline_test:.4f} -> {headline.test:.4f}"


def _test_lines(told: TestReport | None) -> list[str]:
    """The weakest classes on the test part, and a warning where it says much less than validation did."""
    if told is None:
        return []
    weakest = sorted(told.per_class.items(), key=lambda item: item[1])[:3]
    lines = [f"  weakest classes on the test part (F1): {', '.join(f'{name} {value:.4f}' for name, value in weakest)}"]
    if told.warning:
        lines.append(f"  warning: {told.warning}")
        lines += [f"    perhaps: {hint}" for hint in told.hints]
    return lines


def recipe_words(snapshot: Snapshot) -> str:
    """The recommended recipe in the words of its factors."""
    from trainer.recipe import read_recipe

    headline = snapshot.headline
    if headline is None or not headline.recipe:
        return "none yet"
    recipe = read_recipe(headline.recipe)
    said = {"lr", "loss", "augment", "image_size"}
    asked = dict.fromkeys(
        field for stage in snapshot.study.definition.stages for field in stage.asks if field not in said
    )
    others = "".join(f", {field} {label(getattr(recipe, field))}" for field in asked)
    return (
        f"{recipe.backbone_name} at {recipe.image_size} px, {recipe.optimizer.kind} lr {recipe.lr:g}, "
        f"{recipe.loss.label}, augmentation {recipe.augment.label}{others}"
    )


def stage_cells(line: StageLine) -> tuple[str, str, str, str]:
    counts = line.counts()
    trained = sum(counts.values())
    numbers = "/".join(str(counts[stop]) for stop in ("finished", "stalled", "pruned", "diverged"))
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    if line.verdict is None:
        return line.name, "-", "-", f"{trained} ({numbers}){failed}"
    mean = _mean(line)
    how = "kept" if line.outcome == "tie" else line.outcome
    return (
        line.name,
        f"{winner_words(line)} ({how})",
        f"{mean:.4f}" if mean is not None else "-",
        f"{trained} ({numbers}){failed}",
    )


def doubts(snapshot: Snapshot) -> list[str]:
    """What a reader must know before trusting the table."""
    found = []
    if snapshot.rules and not snapshot.rules.measured:
        found.append(f"note: the pilot gave {snapshot.rules.words}")
    failed = [row for row in snapshot.trained if row.state == "FAIL"]
    if failed:
        first = f"{failed[0].phase} #{failed[0].number}: {failed[0].reason}"
        found.append(f"note: {len(failed)} run{'s' if len(failed) > 1 else ''} failed and took no part ({first})")
    warned = [f"note: {words}" for line in snapshot.stages for words in evidence_of(line).get("warnings", ())]
    return [*found, *_untried(snapshot), *warned]


def _untried(snapshot: Snapshot) -> list[str]:
    """Values that a bound on the trials of a screen, or on its time, has left out: they have not lost."""
    found = []
    for stage, line in zip(snapshot.study.definition.stages, snapshot.stages, strict=True):
        timed = evidence_of(line).get("search_ended") == ENDED
        if line.verdict is None or is_range(stage) or not (stage.trials or timed):
            continue
        tried = {row.label for row in line.screen}
        asked = [setting.label for setting in scientific_values(stage, snapshot.study.definition.baseline)]
        if missing := [value for value in asked if value not in tried]:
            why = "no time was left to try" if timed else f"{stage.trials} trials left untried"
            found.append(f"note: {line.name}: {why} {', '.join(missing)}")
    return found


def _change(part: str, before: float | None, after: float | None, gain: Gain) -> str:
    return f"    {part:<10}  {before or 0.0:.4f} -> {after or 0.0:.4f}   {points(gain)}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns aligned with spaces, a rule under the header: plain characters that every console can show."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _mean(line: StageLine) -> float | None:
    mean = evidence_of(line).get("mean")
    return mean if isinstance(mean, float) else None

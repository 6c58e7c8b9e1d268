"""What the verdict of a stage says, in one sentence."""

from collections.abc import Mapping
from typing import Any

from search.records import Claim, Gain
from search.snapshot import StageLine


def verdict_sentence(line: StageLine) -> str:
    """What the verdict of a stage says, in one sentence."""
    verdict = line.verdict
    if verdict is None:
        return f"{line.name}: not decided yet"
    evidence = evidence_of(line)
    count, held, gain = len(evidence.get("replicates", ())), evidence.get("incumbent"), evidence.get("gain")
    lost = [f"{c['label']} {c['dropped']}" for c in evidence.get("contenders", ()) if c["dropped"]]
    dropped = f" ({'; '.join(lost)})" if lost else ""
    if evidence.get("quick") and isinstance(gain, float):
        return _quick_sentence(line, held, gain)
    if evidence.get("mean") is None and not evidence.get("contenders", [None])[1:]:
        return f"{line.name}: {verdict.value} is kept: {_no_challenger(evidence)}"
    if evidence.get("mean") is None and count == 0:
        return f"{line.name}: {verdict.value} is kept: no time was left for the finals"
    if evidence.get("mean") is None:
        return f"{line.name}: {verdict.value} is kept: no finalist ended well every time{dropped}"
    if verdict.outcome == "tie":
        why = _why_kept(evidence, count)
        claimed = line.claim is not None and line.claim.outcome == "claimed"
        return f"{line.name}: tie: {verdict.value} is kept; {why}{'' if claimed else _missed(line.claim)}{dropped}"
    if not isinstance(gain, float):
        return f"{line.name}: {winner_words(line)} is carried on; {held} dropped out of the finals{dropped}"
    claim = line.claim
    if line.outcome == "better" and claim is not None and claim.gain is not None:
        return (
            f"{line.name}: better: on {claim.replicates} fresh shared replicates {winner_words(line)} beat {held} by "
            f"{points(claim.gain)}, optimistic because it was stopped at its claim{_wide(claim.gain)}; when nothing is "
            f"better this rule errs in about 1 stage in 20{dropped}"
        )
    more = f"; {_no_claim(claim)}" if claim else ""
    return (
        f"{line.name}: {winner_words(line)} is carried on; it leads {held} by {100 * gain:.2f} points on the mean of "
        f"{fresh(count)} ({line.outcome}){more}{dropped}"
    )


def _quick_sentence(line: StageLine, held: object, gain: float) -> str:
    if line.verdict is not None and line.verdict.value == held:
        return f"{line.name}: leaning to {held}, which is kept: no challenger was ahead on the one fresh replicate"
    return (
        f"{line.name}: leaning to {winner_words(line)}, which is carried on: {100 * gain:+.2f} points to {held} on one "
        f"fresh replicate, which has no error bar"
    )


def _no_challenger(evidence: Mapping[str, Any]) -> str:
    ended = str(evidence.get("search_ended", ""))
    return f"{ended} for other values" if "time" in ended else "no challenger ended its screen well"


def _wide(gain: Gain) -> str:
    """The interval of a claim may reach below zero: it allows for the best having been picked, its test did before."""
    return ", in an interval that also allows for the best having been picked" if gain.low <= 0 else ""


def _no_claim(claim: Claim) -> str:
    """What a test without a claim for the value carried on has shown."""
    if claim.outcome == "claimed":
        return f"a claim could be made for {claim.value} only"
    if claim.gain is None:
        return "nothing could be claimed"
    shown = f"{claim.value} by {points(claim.gain)}"
    return f"no reliable gain in {claim.replicates} replicates: {shown}{_missed(claim)}"


def _why_kept(evidence: Mapping[str, Any], count: int) -> str:
    held = evidence.get("incumbent")
    means = {
        c["label"]: sum(c["scores"].values()) / len(c["scores"])
        for c in evidence.get("contenders", ())
        if c["scores"] and len(c["scores"]) >= count
    }
    ahead = {name: mean - means[held] for name, mean in means.items() if held in means and mean > means[held]}
    if not ahead:
        return f"no challenger had a higher mean on {fresh(count)}"
    leader = max(ahead, key=lambda name: ahead[name])
    return f"{leader} led by {100 * ahead[leader]:.2f} points, less than was asked for (--min-gain, --decide strict)"


def _missed(claim: Claim | None) -> str:
    if claim is None or not claim.could_miss:
        return ""
    return f"; a real gain under about {100 * claim.could_miss:.1f} points could have been missed"


def winner_words(line: StageLine) -> str:
    """The value carried on, and what else was re-tuned for it: `focal(2), lr 0.012 (was 0.004)`."""
    value = line.verdict.value if line.verdict else "-"
    mine = next((c for c in evidence_of(line).get("contenders", ()) if c["label"] == value), None)
    factor = line.name.split("-", 1)[1]
    retuned = {k: v for k, v in (mine or {}).get("differs", {}).items() if k.split(".")[0] != factor}
    return ", ".join([value, *(f"{field} {now} (was {before})" for field, (now, before) in retuned.items())])


def fresh(count: int) -> str:
    """`1 fresh replicate`, `3 fresh replicates`."""
    return f"{count} fresh replicate{'s' if count != 1 else ''}"


def points(gain: Gain) -> str:
    """`+1.2 points (95 % interval +0.4 to +2.0)`; a point is a hundredth of the score."""
    return f"{100 * gain.mean:+.2f} points (95 % interval {100 * gain.low:+.2f} to {100 * gain.high:+.2f})"


def evidence_of(line: StageLine) -> dict[str, Any]:
    evidence = line.verdict.evidence if line.verdict else None
    return dict(evidence) if isinstance(evidence, Mapping) else {}

"""Rows of ended runs, for what is computed from them."""

from typing import Any

from storage.rows import RunRow


def run_row(number: int, score: float | None = None, **changes: Any) -> RunRow:
    """A finished run of that score in every sense, but for `changes`."""
    fields: dict[str, Any] = dict.fromkeys(RunRow.__dataclass_fields__)
    fields |= {"trial_id": number, "cell_id": number, "number": number, "replicate": number, "recipe": "", "label": ""}
    fields |= {"state": "COMPLETE", "stop": "finished", "reused": False, "epochs": 4, "seconds": 1.0, "params": {}}
    fields |= {"best_score": score, "last_score": score, "test_score": score}
    return RunRow(**(fields | changes))

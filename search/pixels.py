"""Whether the pictures decode to the same pixels on every server: libraries for JPEG differ in the last bit."""

from search.study import Study
from trainer.data import Dataset


def other_pixels(study: Study, data: Dataset, worker: str) -> str | None:
    """A line of warning when this server's pixels are not those of the first one that came; None when they are.

    The first to ask puts its digest on record.
    """
    mine = {"digest": data.decoded_digest}
    first = study.store.measure_once(study.study_id, "pixels", mine, worker)
    if first == mine:
        return None
    return (
        "pictures decode to slightly other pixels here than on the first server (another Pillow or JPEG library): "
        "runs of both agree within noise, not to the bit"
    )

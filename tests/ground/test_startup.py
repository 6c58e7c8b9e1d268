"""What a fresh process loads, and what it does without; real processes, for a module once loaded stays."""

import os
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]


def ended(program: str, path: str = "") -> str:
    """What `program` prints in a fresh Python that stands in the repository."""
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=HOME, env=environment, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def loaded(program: str) -> set[str]:
    return set(ended(f"{program}\nimport sys; print(*sys.modules)").split())


def test_a_run_loads_neither_wandb_nor_scikit_learn() -> None:
    modules = loaded("import trainer.run")
    assert {"trainer.run", "timm", "torchmetrics"} <= modules
    assert not modules & {"wandb", "sklearn", "pandas"}


def test_a_worker_loads_neither_wandb_nor_scikit_learn_nor_alembic() -> None:
    modules = loaded("import search.work")
    assert {"search.work", "optuna"} <= modules
    assert not modules & {"wandb", "sklearn", "pandas", "alembic"}


def test_the_digits_are_read_and_cut_without_scikit_learn() -> None:
    modules = loaded("import trainer.data as d; d.load(d.open_source('digits'), d.Geometry(16, 1))")
    assert "trainer.folds" in modules
    assert not modules & {"sklearn", "scipy"}


def test_a_launch_that_joins_loads_nothing_that_trains() -> None:
    modules = loaded(
        "import search.start; from trainer.metrics import shown_metric; assert shown_metric('macro_f1') == 'macro_f1'"
    )
    assert "trainer.data" in modules
    assert not modules & {"trainer.learner", "torchmetrics", "sklearn", "scipy", "alembic"}


def test_timm_does_not_see_wandb_and_others_do(tmp_path: Path) -> None:
    (tmp_path / "wandb.py").write_text("print('wandb loads')\n", encoding="utf-8")
    program = "import trainer.timm_import; print('timm is there'); import wandb"
    assert ended(program, path=str(tmp_path)).splitlines() == ["timm is there", "wandb loads"]


def test_a_wandb_that_is_loaded_already_stays(tmp_path: Path) -> None:
    (tmp_path / "wandb.py").write_text("", encoding="utf-8")
    program = "import wandb as before, trainer.timm_import, wandb; print(before is wandb)"
    assert ended(program, path=str(tmp_path)) == "True"


def test_garbage_is_collected_again_once_a_worker_has_loaded() -> None:
    told = ended("import gc, search.work; print(gc.isenabled(), gc.get_freeze_count() > 100_000)")
    assert told == "True True"


def test_a_failed_import_turns_the_collector_on_again_and_one_turned_off_stays_off() -> None:
    program = """
import gc
from search.loading import collector_paused
try:
    with collector_paused():
        import no_such_module
except ImportError:
    print(gc.isenabled())
gc.disable()
with collector_paused():
    pass
print(gc.isenabled())
"""
    assert ended(program).split() == ["True", "False"]

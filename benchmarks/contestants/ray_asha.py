"""Ray Tune with ASHA, as its PyTorch example has it (ray/tune/examples/mnist_pytorch.py): a DataLoader in a trainable.

Every trial is an actor of one CPU (and a GPU where that is asked), the scheduler has its defaults but for the number of
epochs. Of the equal list nothing is pruned. Nothing is sent to anybody; Ray listens on the loopback device only.
"""

import os
import tempfile
from typing import Any

import ray  # pyright: ignore[reportMissingImports]
from ray import tune  # pyright: ignore[reportMissingImports]
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler  # pyright: ignore[reportMissingImports]

from benchmarks.contestants.task import Answer, Task, Trained, carry
from benchmarks.contestants.usual import AUGMENTS, LISTED, LOSSES, Training


def train(config: dict[str, Any], task: Task) -> None:
    training = Training(task, config["lr"], config["loss"], config["augment"])
    for _ in range(task.epochs):
        tune.report({"accuracy": training.epoch()})


def space_of(task: Task) -> dict[str, Any]:
    if not task.trials:
        return {"lr": tune.grid_search(list(task.lrs)), "loss": "cross_entropy", "augment": LISTED}
    return {
        "lr": tune.loguniform(min(task.lrs), max(task.lrs)),
        "loss": tune.choice(list(LOSSES)),
        "augment": tune.choice(list(AUGMENTS)),
    }


def run(task: Task) -> Answer:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False)
    on_gpu = {"gpu": 1 / task.processes} if task.device != "cpu" else {}
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            tune.with_resources(tune.with_parameters(train, task=task), {"cpu": 1, **on_gpu}),
            param_space=space_of(task),
            tune_config=tune.TuneConfig(
                metric="accuracy",
                mode="max",
                scheduler=ASHAScheduler(max_t=task.epochs) if task.trials else FIFOScheduler(),
                num_samples=task.trials or 1,
            ),
            run_config=tune.RunConfig(name="asha", storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        if results.errors:
            raise RuntimeError(f"{len(results.errors)} trials of Ray Tune failed, the first: {results.errors[0]}")
        trained = tuple(_trained(result) for result in results)
        best: dict[str, Any] = results.get_best_result().config or {}
    ray.shutdown()
    return Answer(trained, best["lr"], best["loss"], best["augment"], len(trained))


def _trained(result: Any) -> Trained:
    return Trained(result.config["lr"], result.metrics["training_iteration"], result.metrics["accuracy"])


if __name__ == "__main__":
    carry(run)

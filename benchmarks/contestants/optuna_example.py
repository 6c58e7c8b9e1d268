"""Optuna's official PyTorch example (optuna-examples, pytorch/pytorch_simple.py) with a net of timm for its MLP.

As there: everything is built inside the objective, a DataLoader and Pillow's transforms feed it, every epoch is
reported, sampler and pruner are the defaults (TPE, median), storage is in memory, torch takes its default threads.
"""

import optuna
from optuna.trial import Trial, TrialState

from benchmarks.contestants.task import Answer, Task, Trained, carry
from benchmarks.contestants.usual import AUGMENTS, LISTED, LOSSES, Training


def objective(trial: Trial, task: Task) -> float:
    training = Training(task, *suggested(trial, task))
    accuracy = 0.0
    for epoch in range(task.epochs):
        accuracy = training.epoch()
        trial.report(accuracy, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned()
    return accuracy


def suggested(trial: Trial, task: Task) -> tuple[float, str, str]:
    """(lr, loss, augmentation)"""
    lr = trial.suggest_float("lr", min(task.lrs), max(task.lrs), log=True)
    if not task.trials:
        return lr, "cross_entropy", LISTED
    return lr, trial.suggest_categorical("loss", LOSSES), trial.suggest_categorical("augment", AUGMENTS)


def run(task: Task) -> Answer:
    if task.trials:
        study = optuna.create_study(direction="maximize")
        study.optimize(lambda trial: objective(trial, task), n_trials=task.trials)
    else:
        study = optuna.create_study(direction="maximize", pruner=optuna.pruners.NopPruner())
        for lr in task.lrs:
            study.enqueue_trial({"lr": lr})
        study.optimize(lambda trial: objective(trial, task), n_trials=len(task.lrs))
    return answer_of(study)


def answer_of(study: optuna.Study) -> Answer:
    done = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.PRUNED])
    trained = tuple(Trained(t.params["lr"], len(t.intermediate_values), t.value or 0.0) for t in done)
    best = study.best_trial.params
    return Answer(trained, best["lr"], best.get("loss", ""), best.get("augment", ""), len(study.trials))


if __name__ == "__main__":
    carry(run)

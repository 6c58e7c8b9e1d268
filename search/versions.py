"""The library versions that matter when runs are compared."""

import optuna
import timm
import torch


def versions() -> dict[str, str]:
    return {"torch": torch.__version__, "timm": timm.__version__, "optuna": optuna.__version__}

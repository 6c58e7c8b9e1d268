"""How Optuna and its dashboard show a trial."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution

from storage.rows import JSON


class Shown(NamedTuple):
    """How a trial is shown: its parameters with their distributions, and its user attributes."""

    params: Mapping[str, float | int | str]
    distributions: Mapping[str, BaseDistribution]
    attrs: Mapping[str, JSON]

    def frozen(self) -> JSON:
        """Distributions and attributes as JSON, for a copy that is made later."""
        distributions = {name: distribution_to_json(each) for name, each in self.distributions.items()}
        return {"distributions": distributions, "attrs": dict(self.attrs)}

    @classmethod
    def thawed(cls, params: Mapping[str, Any], frozen: Mapping[str, Any]) -> "Shown":
        distributions = {name: json_to_distribution(each) for name, each in frozen["distributions"].items()}
        return cls(params, distributions, frozen["attrs"])

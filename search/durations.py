"""Times as people write them on a command line."""

import re
from typing import Any

import click

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Duration(click.ParamType):
    """`90`, `90s`, `5m`, `1.5h` or `2d`, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no time; write 90s, 5m or 2h", param, context)
        return float(match[1]) * _UNITS[match[2] or "s"]

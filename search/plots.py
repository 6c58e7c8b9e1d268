"""Figures from plain data, for the report and the dashboard: scores are 0 to 1, higher is better, epochs begin at 1.

They return a matplotlib `Figure`; `as_svg` and `as_png` make it something to show. Nothing here reads a database.
"""

from search.canvas import as_png, as_svg
from search.plot_confusion import confusion
from search.plot_curves import Curve, curves
from search.plot_gains import gains
from search.plot_isolation import ValueScores, isolation
from search.plot_leaderboard import leaderboard

__all__ = ["Curve", "ValueScores", "as_png", "as_svg", "confusion", "curves", "gains", "isolation", "leaderboard"]

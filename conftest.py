"""What every test run loads: the plugin that names what could not run, and the settings of Hypothesis."""

import os

from hypothesis import settings

pytest_plugins = ["tests.unrun"]

# No deadline: the machines are shared and the timings theirs. In CI the examples are the same each time, so that a red
# run is red again; elsewhere they are drawn anew, and a failing one is kept in .hypothesis and tried first.
settings.register_profile("default", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")

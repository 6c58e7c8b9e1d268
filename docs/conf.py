"""The site: `make docs` builds the pages of this folder into build/docs.

The pages are plain Markdown, readable where they lie; what holds them together as a site stands here. Nothing in the
built pages asks for anything from elsewhere, so they can be read offline (tests/ground/test_site.py).
"""

import re

from sphinx.application import Sphinx

# Every page has its place here; one that is missing fails the build. The long records come last.
NAVIGATION: dict[str, list[str]] = {
    "Start": ["start", "install", "several_servers", "answer", "trouble"],
    "Ask your question": [
        "Your own data <data>",
        "Recipes, losses, augmentations <recipes>",
        "Your own loss, net, study <own>",
        "Inside your Optuna objective <onramp>",
    ],
    "While it runs": [
        "live",
        "Status, exit codes <status>",
        "Dashboard <dashboard>",
        "wandb <wandb>",
        "Stopping and pruning <stopping>",
        "Where the time goes <speed>",
    ],
    "With the answer": [
        "Verdicts, and how sure <verdicts>",
        "Report and weights <report>",
        "Using the answer <use>",
        "Ensembles <ensemble>",
        "Retrain, heavier nets <retrain>",
    ],
    "Fleets": [
        "How far it scales, several studies <fleet>",
        "database",
        "Slurm <slurm>",
        "Containers <containers>",
        "Checkpoints and weights <weights>",
    ],
    "Inside": ["architecture", "storage_states", "chaos", "comparison"],
    "한국어": ["시작 페이지 <ko/index>", "ko/start", "ko/several_servers", "ko/answer"],
    "Records": ["BENCHMARKS", "LOG"],
}
# A block without a language that begins so is typed into a shell.
SHELL = re.compile(r"^```\n(?=(?:python|py|make|scp|conda|docker|\. |\.venv|[A-Z_]+=))", re.MULTILINE)


# Fonts of the reader's own machine: none is fetched.
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans KR', 'Malgun Gothic', sans-serif"


def as_a_site(app: Sphinx, page: str, text: list[str]) -> None:
    """Colours what is typed, and puts the navigation below the start page; where they lie, pages are free of both."""
    text[0] = SHELL.sub("```bash\n", text[0])
    if page == "index":
        for caption, pages in NAVIGATION.items():
            names = "\n".join(pages)
            text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```\n"


def setup(app: Sphinx) -> None:
    app.connect("source-read", as_a_site)


project = html_title = "ceteris"
author = "the ceteris contributors"
copyright = f"2026, {author}, MIT licence"
exclude_patterns = ["**.py"]
extensions = ["myst_parser", "sphinx_copybutton"]
nitpicky = True
myst_heading_anchors = 3  # the anchors that GitHub gives to headings
highlight_language = "text"
pygments_style, pygments_dark_style = "friendly", "github-dark"

html_theme = "furo"
html_logo = "site/logo.svg"
html_favicon = "site/logo.svg"
html_static_path = ["site"]
html_css_files = ["ceteris.css"]
html_show_sphinx = html_show_sourcelink = html_copy_source = False
html_theme_options = {
    "sidebar_hide_name": False,
    "top_of_page_buttons": [],
    "light_css_variables": {
        "color-brand-primary": "#0072b2",
        "color-brand-content": "#0072b2",
        "color-brand-visited": "#0072b2",
        "font-stack": FONTS,
    },
    "dark_css_variables": {
        "color-brand-primary": "#5cb3ee",
        "color-brand-content": "#5cb3ee",
        "color-brand-visited": "#5cb3ee",
    },
}

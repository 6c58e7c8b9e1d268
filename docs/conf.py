"""The site: `make docs` builds the pages of this folder into build/docs.

The pages are plain Markdown, readable where they lie; what holds them together as a site stands here. Nothing in the
built pages asks for anything from elsewhere, so they can be read offline (tests/ground/test_site.py).
"""

from sphinx.application import Sphinx

# Every page has its place here; one that is missing fails the build. The long records come last.
NAVIGATION: dict[str, list[str]] = {
    "Start": ["start", "install", "several_servers", "answer", "trouble"],
    "Ask your question": ["data", "recipes", "own", "onramp"],
    "While it runs": ["live", "status", "dashboard", "wandb", "stopping", "speed"],
    "With the answer": ["verdicts", "report", "use", "ensemble", "retrain"],
    "Fleets": ["database", "slurm", "containers", "weights"],
    "Inside": ["architecture", "storage_states", "comparison"],
    "한국어": ["ko/index", "ko/start", "ko/several_servers", "ko/answer"],
    "Records": ["BENCHMARKS", "LOG"],
}


# Fonts of the reader's own machine: none is fetched.
FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Noto Sans KR', 'Malgun Gothic', sans-serif"


def add_navigation(app: Sphinx, page: str, text: list[str]) -> None:
    """Puts the tables of contents below the start page, which stays free of them on GitHub."""
    if page == "index":
        for caption, pages in NAVIGATION.items():
            names = "\n".join(pages)
            text[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{names}\n```\n"


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)


project = html_title = "ceteris"
author = "the ceteris contributors"
copyright = f"2026, {author}, MIT licence"
exclude_patterns = ["**.py"]
extensions = ["myst_parser", "sphinx_copybutton"]
nitpicky = True
myst_heading_anchors = 3  # the anchors that GitHub gives to headings
highlight_language = "console"
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

"""`python -m search.compare A B`: exactly what differs between two studies, trials or recipe files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from search.edge import UserError, run
from search.options import runs_option, storage_option, storage_url

if TYPE_CHECKING:
    from search.sides import Side


@click.command("compare")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@storage_option
@runs_option
def main(a: str, b: str, storage: str | None, runs: Path) -> None:
    """Show what differs between A and B, and whether their scores may be compared.

    Each is a study (lr_aug), a trial of a study (lr_aug/1-lr#4, lr_aug/2-loss/finals#0) or a recipe file (recipe.json).
    """
    from search.answer import table
    from search.sides import comparable, differences, side_of
    from storage.store import Store

    def opened() -> Store:
        return Store.connect(storage_url(storage, runs))

    sides: tuple[Side, Side] = (side_of(a, opened), side_of(b, opened))
    if sides[0].kind != sides[1].kind and "study" in (sides[0].kind, sides[1].kind):
        raise UserError(
            f"{a} is a {sides[0].kind} and {b} a {sides[1].kind}; give two studies, or two trials or recipes"
        )
    found = differences(*sides)
    if not found:
        click.echo(f"{a} and {b} are equal in everything that decides an outcome")
    else:
        for line in table([("field", a, b), *found]):
            click.echo(line)
    if told := comparable(*sides):
        click.echo(told)


if __name__ == "__main__":
    run(main)

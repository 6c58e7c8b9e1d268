"""`python -m trainer recipe.json`: one recipe trained alone, one plain line per epoch."""

import argparse
import sys
import time
from pathlib import Path

from trainer.recipe import RecipeError, read_recipe


def main(arguments: list[str] | None = None) -> int:
    """0: trained; 1: diverged; 2: the request cannot be met, said in one line on stderr; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python -m trainer", description="Train one recipe alone, without a study.")
    parser.add_argument("recipe", type=Path, help='JSON file, such as {"lr": 0.003}; what it leaves out is the default')
    parser.add_argument("--data", default="digits", help="digits, faces, class folders, a CSV manifest, idx, npz, ...")
    parser.add_argument("--label", help="column or array that holds the labels")
    parser.add_argument("--group", help="column, array or file name pattern of what a split must not separate")
    parser.add_argument("--target", help="one part of a label that is a product: mask, gender or age")
    parser.add_argument("--replicate", type=int, default=0, help="which split, fold and seed (default 0)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:1 (default cpu)")
    parser.add_argument("--weights", type=Path, help="the file that the recipe names by its sha256")
    parser.add_argument("--code", type=Path, action="append", default=[], help="a file of one's own that it names")
    # One is the default: with more, a busy machine slows a small backbone down tenfold, and the last digits differ.
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    asked = parser.parse_args(arguments)
    try:
        recipe = read_recipe(asked.recipe.read_text(encoding="utf-8-sig"))  # -sig: as Windows' Notepad may save it
    except (OSError, UnicodeDecodeError) as error:
        return _refuse(f"{asked.recipe} cannot be read ({error}): give a file of JSON such as {{}}")
    except RecipeError as error:
        return _refuse(f"{asked.recipe}: {error}")

    import torch  # seconds: a wrong recipe is refused before

    from trainer.backbone import BackboneError
    from trainer.custom import CustomError
    from trainer.data import DataError, Geometry, SourceOptions, load, open_source
    from trainer.replicate import Replicate
    from trainer.run import Run, RunError
    from trainer.weights import digest_of_file

    if asked.weights is not None and recipe.weights is None:
        digest = digest_of_file(asked.weights) if asked.weights.is_file() else "<its digest>"
        return _refuse(
            f'the recipe names no weights, so {asked.weights} would be ignored: add "weights": "sha256:{digest}"'
        )
    started = time.perf_counter()
    files = {}
    for file in [*([asked.weights] if asked.weights else []), *asked.code]:
        if not file.is_file():
            return _refuse(f"{file} is no file: give the weights or the code that the recipe names")
        files[digest_of_file(file)] = file
    torch.set_num_threads(max(1, asked.threads))
    try:
        device = torch.device(asked.device)
        torch.empty(1, device=device)
        options = SourceOptions(asked.label, asked.group, asked.target)
        geometry = Geometry(recipe.pixels, recipe.channels, recipe.fit)
        data = load(open_source(asked.data, options), geometry)
        run = Run(recipe, Replicate.numbered(asked.replicate), data, device, files=files)
    except (DataError, BackboneError, CustomError, RunError, ValueError) as error:
        return _refuse(str(error))
    except (RuntimeError, AssertionError) as error:  # torch: no such device, not built for it, out of memory
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        return _refuse(f"device {asked.device} cannot be used ({said[:150]}): try --device cpu")
    try:
        for epoch in run:
            print(
                f"epoch {epoch.number:3d}/{recipe.epochs} {epoch.phase:8s} lr {epoch.lr:.3g} "
                f"loss {epoch.train_loss:.4f} val loss {epoch.val_loss:.4f} {recipe.metric} {epoch.score:.4f} "
                f"{epoch.images / epoch.seconds:.0f} img/s",
                flush=True,
            )
    except (BackboneError, CustomError) as error:  # met by the first images only: no constructor checks every size
        return _refuse(str(error))
    except KeyboardInterrupt:
        return _refuse(f"interrupted after {len(run.epochs)} epochs, nothing is kept", code=130)
    if run.last is None or run.best is None:
        print(f"diverged in epoch {len(run.epochs)}: the loss is not finite; try a smaller lr than {recipe.lr:.4g}")
        return 1
    print(
        f"{run.stop}: {recipe.metric} {run.last.score:.4f} after the decay, best {run.best.score:.4f} "
        f"in epoch {run.best.number}, {len(run.epochs)} epochs, {time.perf_counter() - started:.1f} s, "
        f"recipe {recipe.signature[:12]}"
    )
    return 0


def _refuse(line: str, code: int = 2) -> int:
    print(f"trainer: {' '.join(line.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

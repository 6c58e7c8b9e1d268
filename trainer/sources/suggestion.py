"""Do the names of images suggest groups (persons, objects, videos) that nobody declared? Quiet when in doubt."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.sources.source import Numbers
from trainer.sources.wording import shown

_LEAST_GROUPS = 8
_LEAST_SHARE = 0.6  # of the images that have a companion of the same key
_LARGEST_SHARE = 0.2  # of all images in one group
_LARGEST_MEDIAN = 100  # images in a group; more is a batch or a camera, not a person or an object
_KEYS_PER_CLASS = 2  # keys that stay within a class and are about as few as classes are another name of the class
_ONCE = 0.9  # of the keys stand at most once in each class
_SIGNS = " _.()-"  # between the words of a file name
_DATE = re.compile(r"(19|20)\d\d[-_. ]?[01]\d[-_. ]?[0-3]\d")
_SHARD = re.compile(r"[0-9a-f]{1,3}")


@dataclass(frozen=True)
class _Way:
    """A way to read a group off a path: the first parentheses of `pattern`; a path it does not match is on its own."""

    words: str
    pattern: str

    def keys(self, names: Sequence[str]) -> list[str]:
        matches = map(re.compile(self.pattern).search, names)
        return [match[1] if match else name for match, name in zip(matches, names, strict=True)]


# A folder per person; then what file names begin with, the shortest beginning first.
_WAYS = (
    _Way("images lie in folders of", r"(.+)/[^/]*$"),
    *(
        _Way("file names begin with", rf"(?:^|/)([^{_SIGNS}/]+(?:[{_SIGNS}]+[^{_SIGNS}/]+){{{words}}})[{_SIGNS}][^/]*$")
        for words in (0, 1)
    ),
    *(
        _Way("file names begin with", rf"([^/]+?)(?:[{_SIGNS}]+[^{_SIGNS}/]+){{0,{tokens}}}[ )]*\.\w+$")
        for tokens in (3, 2, 1)
    ),
    _Way("file names begin with", r"([^/]+?)(?:(?<=\d)[A-Za-z])?\.\w+$"),
)


def suggested_groups(names: Sequence[str], labels: Numbers, by_column: bool = False) -> str | None:
    """What the paths `names` [N] suggest, in one line, and how to declare it: by a pattern, or a column of the CSV."""
    for way in _WAYS:
        keys = way.keys(names)
        sizes = Counter(keys)
        if not _plausible(keys, sizes, labels):
            continue
        several = [size for size in sizes.values() if size > 1]
        example = shown(max(sizes, key=lambda key: (sizes[key], key)))
        declare = "in a column called group" if by_column else f'--group "{_simplest(names, way, keys)}"'
        return (
            f"{way.words} {len(sizes):,} different names such as {example!r}, each on {_range(several)} images: "
            f"if one person or object stands behind each, declare it, {declare}"
        )
    return None


def _simplest(names: Sequence[str], way: _Way, keys: Sequence[str]) -> str:
    """A pattern that a person can read, where one makes the same groups; else that of `way`."""
    for pattern in (f"{beginning}{sign}[^/]*$" for sign in "_- " for beginning in (rf"([^/{sign}]+)", "([^/]+)")):
        simple = [match[1] if (match := re.search(pattern, name)) else "" for name in names]
        pairs = set(zip(simple, keys, strict=True))
        if all(simple) and len(pairs) == len(set(simple)) == len(set(keys)):
            return pattern
    return way.pattern


def _plausible(keys: Sequence[str], sizes: Counter[str], labels: Numbers) -> bool:
    several = sorted(size for size in sizes.values() if size > 1)
    if len(several) < _LEAST_GROUPS or sum(several) < _LEAST_SHARE * len(keys):
        return False
    if max(several) > _LARGEST_SHARE * len(keys) or several[len(several) // 2] > _LARGEST_MEDIAN:
        return False
    if sum(1 for key in sizes if _DATE.search(key)) > len(sizes) / 2:  # taken on one day, by a camera that says so
        return False
    if all(_SHARD.fullmatch(key) for key in sizes) and any(re.search(r"[a-f]", key) for key in sizes):
        return False  # folders named by the first digits of a digest
    return not _is_the_class(keys, sizes, labels) and not _is_a_counter(keys, sizes, labels)


def _is_the_class(keys: Sequence[str], sizes: Counter[str], labels: Numbers) -> bool:
    pairs = set(zip(keys, labels.tolist(), strict=True))
    return len(pairs) == len(sizes) and len(sizes) <= _KEYS_PER_CLASS * len(set(labels.tolist()))


def _is_a_counter(keys: Sequence[str], sizes: Counter[str], labels: Numbers) -> bool:
    """Whether images are merely counted within their class: `1_cat.jpg` in one, `1_dog.jpg` in another."""
    if len({re.sub(r"\d+", "", key) for key in sizes}) > 1:
        return False
    per_class: dict[str, set[int]] = defaultdict(set)
    for key, label in zip(keys, labels.tolist(), strict=True):
        per_class[key].add(label)
    once = sum(1 for key, size in sizes.items() if len(per_class[key]) == size)
    return once >= _ONCE * len(sizes)


def _range(sizes: Sequence[int]) -> str:
    return str(min(sizes)) if min(sizes) == max(sizes) else f"{min(sizes)} to {max(sizes)}"

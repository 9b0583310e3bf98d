"""The names of ImageNet's classes: the first word of WordNet for each."""  # noqa: INP001 - a script's part, not a package

from collections import Counter
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path

# WordNet has no second word for these.
_TOLD_APART = {"n02012849": "crane (bird)", "n03126707": "crane (machine)"}


def read_class_names() -> Sequence[str]:
    """Return a name for each of the 1000 classes, in their order; no two are the same.

    The classes are those of timm, whose files list them by their WordNet ids. Where the first word
    is that of several classes, the first that is of no other stands.

    Raises:
        ValueError: two classes would have one name.
    """
    lists = Path(str(distribution("timm").locate_file("timm/data/_info")))
    ids = (lists / "imagenet_synsets.txt").read_text().split()
    lines = (lists / "imagenet_synset_to_lemma.txt").read_text().splitlines()
    words = {name: lemma.split(", ") for name, lemma in (line.split("\t") for line in lines)}
    shared = {word for word, count in Counter(words[it][0] for it in ids).items() if count > 1}
    names = [_TOLD_APART.get(it) or _choose(words[it], shared) for it in ids]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"expected a name of its own for each class, got {twice} twice")
    return names


def _choose(words: Sequence[str], shared: set[str]) -> str:
    """Return the first word that is of one class, the first if there is none."""
    return next((word for word in words if word not in shared), words[0])

"""Images that a data set has more than once: in training and held out, within a split, or under two labels."""

from collections.abc import Iterator, Mapping, Sequence

from senet.data.leaks import Seen, leaks, similar
from senet.data.look import Look
from senet.data.record import Finding
from senet.text import plain


def shared(train: Sequence[Seen], held: Sequence[Seen]) -> Iterator[Finding]:
    """Yield held-out images that the training images have too."""
    labels = {seen.path: seen.label for seen in (*train, *held)}
    for leak in leaks(train, held):
        other = _other_label(labels, leak.train, leak.held_out)
        if leak.exact:
            yield Finding("leak", "error", leak.held_out, f"the same file as {plain(leak.train)}{other}")
        else:
            yield Finding("near-leak", "error", leak.held_out, f"looks like {plain(leak.train)}, encoded again{other}")


def repeated(images: Sequence[Seen]) -> Iterator[Finding]:
    """Yield images of one split that it has before: under another label an error where they are the same file.

    Pictures that only look alike are a note: one of two frames of a film may well be of another class.
    """
    labels = {seen.path: seen.label for seen in images}
    first: dict[str, Seen] = {}
    for seen in images:
        before = first.setdefault(seen.look.digest, seen) if seen.look.digest else seen
        if before is seen:
            continue
        if other := _other_label(labels, before.path, seen.path):
            yield Finding("two-labels", "error", seen.path, f"the same file as {plain(before.path)}{other}")
        else:
            yield Finding("duplicate", "note", seen.path, f"the same file as {plain(before.path)}")
    for one, before_it in similar(list(first.values())):
        other = _other_label(labels, before_it, one)
        kind = "near-two-labels" if other else "near-duplicate"
        yield Finding(kind, "note", one, f"looks like {plain(before_it)}, encoded again{other}")


def _other_label(labels: Mapping[str, str], one: str, other: str) -> str:
    """Say that two images differ in their labels; nothing where they do not."""
    if labels[one] == labels[other]:
        return ""
    return f", under another label: {plain(labels[other])}, not {plain(labels[one])}"


def seen_of(images: Mapping[str, Sequence[str]], looks: Mapping[str, Look]) -> list[Seen]:
    """Return what was seen of a split's images, by class."""
    return [Seen(name, looks[name], label) for label, names in images.items() for name in names]

"""What a user should know of how images become the network's input."""

from senet.data import Feed, MemoryFeed
from senet.data.feed import given_of, sizes_in

NAMES = {"mean": "mean", "std": "deviation"}


def input_said(feed: Feed, scaled: str = "") -> tuple[str, ...]:
    """Return what a user should know of how images become the network's input: their size, and what is assumed.

    Args:
        feed: Yields the batches.
        scaled: How weights scale them, in words, if they do.
    """
    height, width = feed.transform.size
    sizes = sizes_in(feed)
    to = f": brought to {width} x {height}; --image-size N takes another size"
    lines = [f"{sizes}{'' if sizes.size else to}"] if sizes else []
    if scaled:
        return *lines, scaled
    assumed = [] if isinstance(feed, MemoryFeed) else [name for name in NAMES if not getattr(given_of(feed), name)]
    if assumed:
        flags = " and ".join(f"--{name}" for name in assumed)
        what = " and ".join(NAMES[name] for name in assumed)
        lines.append(f"input: scaled by ImageNet's {what}, which nobody said; {flags} take others")
    return tuple(lines)

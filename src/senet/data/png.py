"""PNG files without what is not needed to show them."""

from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Critical chunks, and the one that carries transparency.
NEEDED = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")


def without_extras(data: bytes) -> bytes | None:
    """Return a PNG file without its text, profile and EXIF chunks; None if it is no PNG or has none of them.

    Pillow refuses a file for a text chunk that unpacks to megabytes, although the pixels are whole.
    """
    if not data.startswith(SIGNATURE):
        return None
    bare = SIGNATURE + b"".join(chunk for chunk in _chunks(data) if chunk[4:8] in NEEDED)
    return bare if len(bare) < len(data) else None


def _chunks(data: bytes) -> Iterator[bytes]:
    start = len(SIGNATURE)
    while start < len(data):
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")  # length, kind, content, checksum
        yield data[start:end]
        start = end

"""Names of files and classes: which are a tool's and not a user's, and how to show one that is hostile."""

import unicodedata

# Written by tools into data folders; never data.
TOOLS = ("__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini")
# A spreadsheet takes a cell that begins so for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def hidden(name: str) -> bool:
    """Whether a file or folder is a tool's own: it begins with a dot, or is one of :data:`TOOLS`."""
    return name.startswith(".") or name in TOOLS


def plain(text: object) -> str:
    """Return text in which control codes, direction overrides and undecodable bytes are spelt out.

    In a terminal ``ESC [ 31 m`` or a newline within a file's name must be seen, not obeyed.
    """
    return "".join(_spelt_out(c) if _is_control(c) else c for c in str(text))


def csv_cell(text: object) -> str:
    """Return text that a spreadsheet shows instead of computing it: a formula gets an apostrophe in front."""
    shown = plain(text)
    return f"'{shown}" if shown.startswith(FORMULA) else shown


def folded(name: str) -> str:
    """Return what a file system may take for the same name: composed, caseless Unicode."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _spelt_out(character: str) -> str:
    byte = ord(character) - 0xDC00
    if 0x80 <= byte <= 0xFF:  # a byte of a name that is not UTF-8, as Python keeps it
        return f"\\x{byte:02x}"
    return character.encode("unicode_escape").decode("ascii")

"""Text that outsiders wrote, made harmless for a terminal (U8: injection through text)."""


def printable(text: str) -> str:
    r"""Return the text with everything that is not printable as ``\uXXXX`` or ``\UXXXXXXXX``.

    Control characters, line breaks, bidirectional overrides and lone surrogates are not printable.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"

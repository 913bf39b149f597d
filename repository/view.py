"""Show a repository's status to people: tables on a terminal, aligned text otherwise."""

import io
import uuid
from collections.abc import Sequence
from typing import Final

from repository.status import Status

_UNITS: Final = (("d", 86400), ("h", 3600), ("min", 60))
_STYLES: Final = {"ok": "green", "due": "yellow", "expired": "bold red"}

Row = tuple[str, ...]
Sheet = tuple[str, Row, list[Row]]


def countdown(seconds: int) -> str:
    """Say how long something is valid yet, in its two largest units."""
    left = abs(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count and len(parts) < 2:  # noqa: PLR2004 - two units are enough to act on
            parts.append(f"{count} {unit}")
    text = " ".join(parts) or "less than a minute"
    return f"in {text}" if seconds > 0 else f"{text} ago"


def plain(status: Status) -> str:
    """Lay the status out as text."""
    blocks = []
    for title, header, rows in _sheets(status):
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [header, *rows]
        )
        blocks.append("\n".join([title, *lines]))
    return "\n\n".join(blocks)


def rich_text(status: Status, width: int) -> str:
    """Lay the status out as tables with colours."""
    from rich.console import Console  # noqa: PLC0415 - only terminals pay for it
    from rich.table import Table  # noqa: PLC0415 - as above

    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width)
    for title, header, rows in _sheets(status):
        table = Table(title=title, title_justify="left", title_style="bold")
        for column, name in enumerate(header):
            table.add_column(name, overflow="fold", no_wrap=column > 0)
        for row in rows:
            table.add_row(*row, style=_STYLES.get(row[-1]) if row[-1] != "ok" else None)
        console.print(table)
    return out.getvalue().rstrip("\n")


def _sheets(status: Status) -> Sequence[Sheet]:
    roles: list[Row] = [
        (
            role.name,
            str(role.version),
            f"{role.threshold} of {len(role.keys)}",
            str(role.here),
            f"{role.expires:%Y-%m-%d %H:%M}",
            countdown(role.seconds),
            role.state,
        )
        for role in status.roles
    ]
    vendors: list[Row] = [
        (str(uuid.UUID(vendor.vendor)), vendor.name, str(vendor.bins), str(vendor.targets))
        for vendor in status.vendors
    ]
    targets: list[Row] = [
        (
            target.path,
            str(target.info.sequence_number),
            target.info.version or "",
            target.info.digest[:16],
            str(target.length),
        )
        for target in status.targets
    ]
    return (
        ("Roles", ("role", "version", "threshold", "keys here", "expires (UTC)", "left", "state"), roles),
        ("Vendors", ("vendor", "name", "bins", "targets"), vendors),
        ("Targets", ("path", "sequence", "version", "manifest digest", "bytes"), targets),
    )

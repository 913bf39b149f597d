"""The front door: ``hardsuit NOUN VERB``. A room is imported only when one of its commands is asked for."""

import importlib
from typing import Final

import click
from typing_extensions import override

_ROOMS: Final = {
    "demo": ("conformance.demo", "demo", "The whole story in one directory."),
    "key": ("suit.key_cli", "cli", "Make and look at keys."),
    "suit": ("suit.cli", "cli", "Build, sign, verify and look at envelopes."),
    "repo": ("repository.cli", "cli", "Keep a TUF repository of update sets."),
    "device": ("device.cli", "cli", "Be a device: update, boot, confirm."),
    "ic": ("device.ic.cli", "cli", "Run the security IC in a process of its own."),
    "conformance": ("conformance.cli", "cli", "Judge an implementation."),
}


class _FrontDoor(click.Group):
    """Lists the rooms without entering them."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the nouns in the order of the story."""
        del ctx
        return list(_ROOMS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the room behind a noun."""
        del ctx
        if cmd_name not in _ROOMS:
            return None
        module, attribute, _ = _ROOMS[cmd_name]
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Print the nouns from the table, so that ``--help`` imports no room."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(noun, help_text) for noun, (_, _, help_text) in _ROOMS.items()])


@click.group(
    cls=_FrontDoor, context_settings={"auto_envvar_prefix": "HARDSUIT", "help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="hardsuit")
def main() -> None:
    """Secure software updates for connected devices: SUIT, TUF and a security IC."""


if __name__ == "__main__":
    main()

"""The standards as data: what every other room must agree on.

- ``registry.toml`` holds every number once; ``labels.py`` and ``LABELS.md`` are generated from it.
- ``manifest.cddl`` is our own grammar of the base manifest document.
- ``requirements.toml`` holds every normative sentence, in our words, and is joined with its proofs.
- ``binding.md``, ``case-format.md`` and ``decisions/`` say what the standards leave open.

This room imports nothing but the standard library.
"""

__all__: list[str] = []

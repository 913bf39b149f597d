"""How a security IC in a process of its own is talked to: frames, the form of values, calls, errors.

``frames.py`` carries items, ``forms.py`` knows how a value of each type travels, ``calls.py`` what may be
called, ``faults.py`` how an error arrives as the class that it was. Both ends use the same four.
"""

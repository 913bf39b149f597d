"""The judge: it drives authoring, repository and device from outside and believes what it observes.

``powercut.py`` is the storage that loses power, ``forge*.py`` builds envelopes from raw bytes without any
code of those it judges, ``casebook`` and the runner hold the cases and what must come of them.
"""

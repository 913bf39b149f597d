"""The casebook: every conformance case as a Python definition, one module per topic.

``python -m conformance.generate`` turns them into the files under ``conformance/cases``; ``--check``
says which file is not what its definition makes. A case is read by a client that knows nothing of
hardsuit, so a definition uses the forger and the labels, never the code that it judges.
"""

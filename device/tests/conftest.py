"""Where there are no published vectors beside the checkout, what needs them is not collected."""

from suit.tests import vectors

collect_ignore_glob = [] if vectors.ROOT else ["test_*_vectors.py"]

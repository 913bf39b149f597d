"""Where there are no vectors of others beside the checkout, what compares with them is not collected."""

from suit.tests import vectors

collect_ignore_glob = [] if vectors.ROOT else ["test_*_vectors.py"]

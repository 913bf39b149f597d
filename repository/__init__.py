"""repository: the maintainer's side.

A TUF repository of update sets (``spec/binding.md``): ``Repository.create``, ``add_vendor``, ``publish``,
``bump``, ``status``; ``serving`` shows its public half on HTTP. Keys and policy stay in the private half.
Start at ``publish.py``; ``transaction.py`` has the order of writes that makes a publish atomic.
"""

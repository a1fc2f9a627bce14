"""Plain mappings of what the layers answer: the contract of `--json`, and what the tables are written from.

Keys are the public contract: they are added, never renamed. A fact that is unknown is null, never 0 or absent.
"""

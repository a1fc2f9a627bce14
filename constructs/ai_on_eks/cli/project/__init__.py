"""The files of a new project: what is copied from this package, and what is written for its first day."""

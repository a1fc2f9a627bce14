"""What a GitOps tool reads from a repository, as plain data: a folder for each namespace, and who applies them when."""

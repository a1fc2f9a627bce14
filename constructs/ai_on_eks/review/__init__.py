"""Judging what a synth wrote: templates and Kubernetes objects as plain data, whoever wrote them."""

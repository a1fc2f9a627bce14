"""Programs that run in the cluster. Each is one file that a ConfigMap carries into a published image as it stands: it
imports the standard library and what that image has, nothing of this package, and nothing of this package imports it.
"""

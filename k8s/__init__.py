"""Deployable units in the cluster: cdk8s charts, thin around the library's constructs."""

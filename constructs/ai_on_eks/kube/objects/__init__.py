"""One file per Kubernetes object kind: plain values in, one plain manifest out. Imports no cdk8s and needs no Node."""

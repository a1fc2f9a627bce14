"""Our own rules about CloudFormation templates and about the pods inside the Kubernetes objects they carry.

    templates, objects -> Assembly -> rules by type, by kind, by pod -> findings

They lie here and not in `aws/` because they judge what `aws/`, `kube/` and any other author wrote, read nothing but the
files of a synth, and are used both by the synth itself and by a review of two of them. Neither CDK nor cdk8s is
imported.
"""

"""Deployable units in AWS. Each is thin: it wires constructs of `ai_on_eks.aws` to the platform file.

network -> cluster -> capacity -> addons -> serving
                   -> storage  -----------> serving
"""

"""From a descriptor to what the model is made of: one module per family of model types, found by the registry."""

from ai_on_eks.descriptors.architectures.registry import (
    build_inventory,
    family_of,
    known_model_types,
    own_precision,
    relevant_hyperparameters,
)

__all__ = ["build_inventory", "family_of", "known_model_types", "own_precision", "relevant_hyperparameters"]

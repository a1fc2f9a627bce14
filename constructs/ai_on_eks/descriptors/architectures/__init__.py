"""From a descriptor to what the model is made of.

One module per family, all with the same names: `FAMILY`, `MODEL_TYPES`, `read(model_type, parameters)`.
"""

from ai_on_eks.descriptors.architectures.registry import (
    build_inventory,
    known_model_types,
    relevant_hyperparameters,
)

__all__ = ["build_inventory", "known_model_types", "relevant_hyperparameters"]

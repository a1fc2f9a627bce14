"""Which format each tensor of a quantized checkpoint is stored in, from what the checkpoint itself says.

    quantization_config  --read-->  Quantization (ordered rules)  --quantize-->  the inventory with `Tensor.stored` set

formats      bits of the elements, and of scales and zero points, by how they are grouped
expressions  the regular expressions that configs hold, matched without backtracking
names        which modules, in which layers, a list of names means
scheme       the rules, and how they divide an inventory's tensors
methods      one reader for each quantization method
groups       the two methods whose configs hold groups: compressed-tensors and ModelOpt
gguf         block types and mixtures of llama.cpp
"""

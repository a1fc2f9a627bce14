"""Headers of weight files: what tensors they hold, without loading one.

One module per format, each with `read_header(path, limits=LIMITS) -> WeightHeader`. The bytes are untrusted: every
count and length is checked against the bytes that remain before anything is allocated or looped over.
"""

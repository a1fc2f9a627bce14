"""Element types of TensorFlow, named as `tf.DType.name` does.

Source: tensorflow/core/framework/types.proto, read 2026-11-24. Types of 2 and 4 bits lie one to a byte.
"""

from __future__ import annotations

from msgspec import Struct

FLOAT_VAL, DOUBLE_VAL, INT_VAL, STRING_VAL, SCOMPLEX_VAL, INT64_VAL, BOOL_VAL = 5, 6, 7, 8, 9, 10, 11
DCOMPLEX_VAL, HALF_VAL, RESOURCE_VAL, VARIANT_VAL, UINT32_VAL, UINT64_VAL, FLOAT8_VAL = 12, 13, 14, 15, 16, 17, 18
"""Numbers of the fields of a TensorProto that hold values one by one."""


class ElementType(Struct, frozen=True):
    """width   bytes of one element; None: each element has its own length, or none at all
    field      number of the field for values one by one
    """

    name: str
    width: int | None
    field: int


ELEMENT_TYPES = {
    1: ElementType("float32", 4, FLOAT_VAL),
    2: ElementType("float64", 8, DOUBLE_VAL),
    3: ElementType("int32", 4, INT_VAL),
    4: ElementType("uint8", 1, INT_VAL),
    5: ElementType("int16", 2, INT_VAL),
    6: ElementType("int8", 1, INT_VAL),
    7: ElementType("string", None, STRING_VAL),
    8: ElementType("complex64", 8, SCOMPLEX_VAL),
    9: ElementType("int64", 8, INT64_VAL),
    10: ElementType("bool", 1, BOOL_VAL),
    11: ElementType("qint8", 1, INT_VAL),
    12: ElementType("quint8", 1, INT_VAL),
    13: ElementType("qint32", 4, INT_VAL),
    14: ElementType("bfloat16", 2, HALF_VAL),
    15: ElementType("qint16", 2, INT_VAL),
    16: ElementType("quint16", 2, INT_VAL),
    17: ElementType("uint16", 2, INT_VAL),
    18: ElementType("complex128", 16, DCOMPLEX_VAL),
    19: ElementType("float16", 2, HALF_VAL),
    20: ElementType("resource", None, RESOURCE_VAL),
    21: ElementType("variant", None, VARIANT_VAL),
    22: ElementType("uint32", 4, UINT32_VAL),
    23: ElementType("uint64", 8, UINT64_VAL),
    24: ElementType("float8_e5m2", 1, FLOAT8_VAL),
    25: ElementType("float8_e4m3fn", 1, FLOAT8_VAL),
    26: ElementType("float8_e4m3fnuz", 1, FLOAT8_VAL),
    27: ElementType("float8_e4m3b11fnuz", 1, FLOAT8_VAL),
    28: ElementType("float8_e5m2fnuz", 1, FLOAT8_VAL),
    29: ElementType("int4", 1, INT_VAL),
    30: ElementType("uint4", 1, INT_VAL),
    31: ElementType("int2", 1, INT_VAL),
    32: ElementType("uint2", 1, INT_VAL),
}

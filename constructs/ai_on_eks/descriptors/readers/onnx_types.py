"""Element types of ONNX. Source: onnx.proto of ONNX 1.23 (`TensorProto.DataType`), read 2026-11-24."""

from __future__ import annotations

from msgspec import Struct

FLOAT_DATA, INT32_DATA, STRING_DATA, INT64_DATA, DOUBLE_DATA, UINT64_DATA = 4, 5, 6, 7, 10, 11
"""Numbers of the fields of a tensor that hold elements one by one."""

INT64, STRING = 7, 8


class ElementType(Struct, frozen=True):
    """bits    of one element in raw bytes; None: each element has its own length
    field      number of the field for elements one by one
    per_entry  elements that one entry of that field holds (below 1: entries that one element takes)
    """

    name: str
    bits: int | None
    field: int
    per_entry: float = 1

    def raw_bytes(self, elements: int) -> int:
        """ceil(elements × bits / 8); strings are counted apart."""
        return -(-elements * (self.bits or 0) // 8)

    def entries(self, elements: int) -> int:
        """ceil(elements / per_entry)"""
        return elements * 2 if self.per_entry < 1 else -(-elements // int(self.per_entry))


ELEMENT_TYPES = {
    1: ElementType("float32", 32, FLOAT_DATA),
    2: ElementType("uint8", 8, INT32_DATA),
    3: ElementType("int8", 8, INT32_DATA),
    4: ElementType("uint16", 16, INT32_DATA),
    5: ElementType("int16", 16, INT32_DATA),
    6: ElementType("int32", 32, INT32_DATA),
    INT64: ElementType("int64", 64, INT64_DATA),
    STRING: ElementType("string", None, STRING_DATA),
    9: ElementType("bool", 8, INT32_DATA),
    10: ElementType("float16", 16, INT32_DATA),
    11: ElementType("float64", 64, DOUBLE_DATA),
    12: ElementType("uint32", 32, UINT64_DATA),
    13: ElementType("uint64", 64, UINT64_DATA),
    14: ElementType("complex64", 64, FLOAT_DATA, 0.5),
    15: ElementType("complex128", 128, DOUBLE_DATA, 0.5),
    16: ElementType("bfloat16", 16, INT32_DATA),
    17: ElementType("float8e4m3fn", 8, INT32_DATA),
    18: ElementType("float8e4m3fnuz", 8, INT32_DATA),
    19: ElementType("float8e5m2", 8, INT32_DATA),
    20: ElementType("float8e5m2fnuz", 8, INT32_DATA),
    21: ElementType("uint4", 4, INT32_DATA, 2),
    22: ElementType("int4", 4, INT32_DATA, 2),
    23: ElementType("float4e2m1", 4, INT32_DATA, 2),
    24: ElementType("float8e8m0", 8, INT32_DATA),
    25: ElementType("uint2", 2, INT32_DATA, 4),
    26: ElementType("int2", 2, INT32_DATA, 4),
    27: ElementType("float6e2m3", 6, INT32_DATA),
    28: ElementType("float6e3m2", 6, INT32_DATA),
}

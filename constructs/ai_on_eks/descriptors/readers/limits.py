"""Bounds that every reader checks before it allocates or loops, and the one error they raise."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.errors import InputError, Problem


class Limits(Struct, frozen=True):
    """Upper bounds. All are far above any published model and far below what harms a machine.

    header_bytes    bytes of a header that are read at all (the largest published safetensors header is below 2 MB, the
                    longest list of which shard holds which tensor about 29 MB: 276,480 entries of 105 bytes)
    tensors         entries of one file
    model_tensors   entries of all files of a model (384 experts × 60 layers × 3 matrices × 4 with scales = 276,480)
    metadata        key/value pairs of one file, or its inputs (training notes have some 150 keys)
    string_bytes    one name or value
    text_bytes      names and shapes of the tensors of one file, as they lie in memory (73,728 names of 70 letters
                    take 5 MB)
    metadata_bytes  keys and values of one file, as they lie in memory and as JSON writes them
    strings         members of lists of text in one file (a vocabulary of 262,144 with 514,906 merges has 777,050)
    dimensions      of one tensor (ggml has 4; published ONNX files have up to 6)
    nesting         messages or arrays inside each other
    files           shards of one model
    """

    header_bytes: int = 32 * 2**20
    tensors: int = 200_000
    model_tensors: int = 340_000
    metadata: int = 4_096
    string_bytes: int = 16 * 2**20
    text_bytes: int = 12 * 2**20
    metadata_bytes: int = 4 * 2**20
    strings: int = 1_048_576
    dimensions: int = 8
    nesting: int = 16
    files: int = 4_096


LIMITS = Limits()


def malformed(file: str, offset: int, reason: str) -> InputError:
    """The error for a file that is not what it says. `offset` in bytes from the start of the file."""
    return InputError(
        Problem(
            code="weights-malformed",
            message=f"at byte {offset}: {reason}",
            file=file,
            path="header",
            fix="download the file again and compare its checksum with the publisher's",
        )
    )

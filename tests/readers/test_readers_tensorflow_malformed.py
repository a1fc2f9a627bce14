"""TensorFlow bytes that are not what they say: graphs, signatures and tables of variables."""

from __future__ import annotations

from pathlib import Path

import pytest
from readers_protobuf_bytes import (
    MAGIC,
    fixed32,
    number,
    part,
    table,
    table_block,
    tf_attribute,
    tf_constant,
    tf_entry,
    tf_folder,
    tf_graph,
    tf_header,
    tf_meta_graph,
    tf_node,
    tf_port,
    tf_saved_model,
    tf_shape,
    tf_signature,
    tf_tensor,
    varint,
    with_footer,
)

from ai_on_eks.descriptors.readers.tensorflow import read_header
from ai_on_eks.errors import InputError, Problem

SAVED = tf_saved_model(tf_meta_graph(tf_graph()))
GOOD = tf_entry(1, [2], 0, 8)


def constant(*fields: bytes) -> bytes:
    return tf_graph(tf_constant("c", b"".join(fields)))


def port(data_type: int, shape: bytes) -> bytes:
    value = part(1, "x") + part(2, number(2, data_type) + part(3, shape))
    return tf_saved_model(tf_meta_graph(tf_graph(), [tf_signature("s", [value], [])]))


GRAPHS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "no constant and no input"),
    "saved model under another name": (SAVED, "field 1 has wire type 0"),
    "node beyond the file": (b"\x0a\x7f", "127 bytes; 0 remain"),
    "constant without tensor": (tf_graph(tf_node("c", "Const")), "a constant has no tensor"),
    "constants of one name": (constant(number(1, 1)) * 2, "two tensors have the same name"),
    "data type 0": (constant(b""), "data type 0 is not known"),
    "data type 101": (constant(number(1, 101)), "data type 101 is not known"),
    "open shape": (constant(tf_tensor(1, [-1])), "a stored tensor has an open shape"),
    "unknown shape": (constant(number(1, 1), part(2, number(3, 1))), "a stored tensor has an open shape"),
    "negative dimension": (constant(tf_tensor(1, [-2])), "a dimension is -2"),
    "nine dimensions": (constant(tf_tensor(1, [1] * 9)), "a shape has more than 8 dimensions"),
    "product of 2**64": (constant(tf_tensor(1, [2**32, 2**32])), "2**63 or more"),
    "two shapes": (constant(tf_tensor(1, [1]), part(2, tf_shape([2]))), "a constant has two shapes"),
    "content of other length": (constant(tf_tensor(1, [3], part(4, bytes(8)))), "8 bytes; shape and data type give 12"),
    "more values than elements": (constant(tf_tensor(1, [1], part(5, bytes(8)))), "more values than its 1 elements"),
    "more strings than elements": (constant(tf_tensor(7, [1], part(8, "") * 2)), "more values than its 1 elements"),
    "values of another type": (constant(tf_tensor(1, [1], part(7, b"\1"))), "a field that is not for float32"),
    "half a value": (constant(tf_tensor(1, [1], part(5, bytes(3)))), "values of 4 bytes lie in 3 bytes"),
    "values of wrong wire type": (constant(tf_tensor(3, [1], fixed32(7))), "values have wire type 5"),
    "attributes without end": (tf_graph(tf_node("c", "Const", tf_attribute("a", b"") * 257)), "256 attributes"),
    "input given twice": (tf_graph(tf_node("x", "Placeholder")) * 2, "'input.x' is given twice"),
    "input of unknown type": (
        tf_graph(tf_node("x", "Placeholder", tf_attribute("dtype", number(6, 77)))), "data type 77 is not known",
    ),
}  # fmt: skip

SAVED_MODELS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file holds no graph"),
    "frozen graph under this name": (constant(number(1, 1)), "field 1 has wire type 2"),
    "group": (b"\x1b", "opens or closes a group"),
    "graphs without end": (tf_saved_model(*[b""] * 65), "more than 64 graphs"),
    "tags without end": (tf_saved_model(tf_meta_graph(tf_graph(), tags=["t"] * 65)), "more than 64 tags"),
    "two graphs for one use": (tf_saved_model(tf_meta_graph(tf_graph()) + part(2, b"")), "two graphs for one use"),
    "tag not UTF-8": (tf_saved_model(part(1, part(4, b"\xff"))), "a tag is not UTF-8"),
    "version too long": (tf_saved_model(part(1, part(5, "v" * 300))), "300 bytes; at most 256"),
    "port of unknown type": (port(99, b""), "data type 99 is not known"),
    "port with nine dimensions": (port(1, tf_shape([1] * 9)), "more than 8 dimensions"),
    "port given twice": (
        tf_saved_model(tf_meta_graph(tf_graph(), [tf_signature("s", [tf_port("x", 1, [])] * 2, [])])),
        "'signature.s.input.x' is given twice",
    ),
}


def one_block(block: bytes) -> bytes:
    """A table of one block, which is given whole."""
    return with_footer(block + bytes(5), table_block([(b"~", varint(0) + varint(len(block)))]))


def entries(raw: bytes) -> bytes:
    return one_block(raw + table_block([]))


def variable(entry: bytes) -> bytes:
    return table([(b"", tf_header()), (b"v", entry)])


HEAD = varint(0) + varint(0) + varint(len(tf_header())) + tf_header()
TWICE = table_block([(b"", tf_header())])
INDEXES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "too short for its footer"),
    "47 bytes": (bytes(47), "too short for its footer"),
    "no magic": (bytes(48), "does not end with its magic number"),
    "handle without end": (b"\xff" * 40 + MAGIC, "more than 10 bytes"),
    "metaindex beyond the file": ((varint(0) + varint(99)).ljust(40, b"\0") + MAGIC, "the footer is at 0"),
    "index beyond the file": (with_footer(b"", b"")[:-48] + (b"\0\0" + varint(2**62) * 2).ljust(40, b"\0") + MAGIC,
                              "the footer is at"),
    "no rows": (table([]), "the table has no header"),
    "compressed": (table([(b"", tf_header())], compression=1), "compressed (snappy)"),
    "compressed otherwise": (table([(b"", tf_header())], compression=9), "compressed (9)"),
    "block of 3 bytes": (one_block(b"abc"), "too short for its number of restarts"),
    "restarts without end": (one_block(b"\xff\xff\xff\x7f"), "says it has 2,147,483,647 restarts"),
    "no restarts": (one_block(bytes(8)), "says it has 0 restarts"),
    "block twice": (
        with_footer(TWICE + bytes(5), table_block([(key, b"\0" + varint(len(TWICE))) for key in (b"a", b"b")])),
        "before or inside the block before it",
    ),
    "handle cut": (with_footer(b"", table_block([(b"a", b"\0")])), "the bytes end before a number"),
    "key shares too much": (entries(b"\x05\x00\x00"), "shares more bytes than the key before it"),
    "entry beyond its block": (entries(b"\x00\x7f\x7f"), "254 bytes; 0 remain in its block"),
    "entry cut": (entries(b"\x00"), "the bytes end before a number"),
    "key too long": (entries(b"\x00" + varint(5_000) + b"\x00" + bytes(5_000)), "a key has 5,000 bytes"),
    "keys not rising": (entries(HEAD * 2), "keys of the table do not rise"),
    "no header": (table([(b"a", GOOD)]), "the table has no header"),
    "no shards": (table([(b"", tf_header(0))]), "the variables lie in 0 files"),
    "shards without end": (table([(b"", tf_header(2**31))]), "lie in 2,147,483,648 files"),
    "big-endian": (table([(b"", number(1, 1) + number(2, 1))]), "stored big-endian"),
    "name not UTF-8": (table([(b"", tf_header()), (b"\xff", GOOD)]), "name of a variable is not UTF-8"),
    "unknown type": (variable(tf_entry(99, [], 0, 0)), "data type 99 is not known"),
    "size lies": (variable(tf_entry(1, [2], 0, 7)), "7 bytes; shape and data type give 8"),
    "negative size": (variable(tf_entry(7, [2], 0, -8)), "negative place or size"),
    "negative offset": (variable(tf_entry(1, [2], -1, 8)), "negative place or size"),
    "shard that is not there": (variable(tf_entry(1, [2], 0, 8, shard=1)), "lies in shard 1 of 1"),
    "two shapes of a variable": (variable(GOOD + part(2, b"")), "a variable has two shapes"),
    "open shape": (variable(tf_entry(1, [-1], 0, 8)), "open shape"),
    "beyond its shard": (variable(tf_entry(1, [2], 95, 8)), "its shard has 100 bytes"),
    "group in an entry": (variable(b"\x0b"), "field 1 has wire type 3"),
}  # fmt: skip


def refusal(path: Path) -> Problem:
    with pytest.raises(InputError) as caught:
        read_header(path)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize("name", GRAPHS)
def test_given_a_malformed_graph_when_read_then_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    data, reason = GRAPHS[name]
    (tmp_path / "frozen.pb").write_bytes(data)
    problem = refusal(tmp_path / "frozen.pb")
    assert problem.code == "weights-malformed"
    assert reason in problem.message


@pytest.mark.parametrize("name", SAVED_MODELS)
def test_given_a_malformed_saved_model_when_read_then_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    data, reason = SAVED_MODELS[name]
    problem = refusal(tf_folder(tmp_path, data))
    assert problem.code == "weights-malformed"
    assert reason in problem.message


@pytest.mark.parametrize("name", INDEXES)
def test_given_a_malformed_table_when_read_then_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    data, reason = INDEXES[name]
    problem = refusal(tf_folder(tmp_path, SAVED, data, shard_bytes=100))
    assert problem.code == "weights-malformed"
    assert problem.file is not None
    assert problem.file.endswith("variables.index")
    assert reason in problem.message


def test_given_links_in_the_folder_when_read_then_they_are_not_followed(tmp_path: Path) -> None:
    index = table([(b"", tf_header()), (b"v", GOOD)])
    outside = tf_folder(tmp_path / "outside", SAVED, index, shard_bytes=100)
    linked = tmp_path / "folder"
    linked.mkdir()
    (linked / "saved_model.pb").write_bytes(SAVED)
    (linked / "variables").symlink_to(outside / "variables")
    assert "is a link" in refusal(linked).message
    inner = tf_folder(tmp_path / "index", SAVED)
    (inner / "variables" / "variables.index").symlink_to(outside / "variables" / "variables.index")
    assert "is a link" in refusal(inner).message
    shard = tf_folder(tmp_path / "shard", SAVED, index)
    name = "variables.data-00000-of-00001"
    (shard / "variables" / name).symlink_to(outside / "variables" / name)
    assert "is a link or no regular file" in refusal(shard).message


def test_given_nothing_there_when_read_then_told(tmp_path: Path) -> None:
    assert refusal(tmp_path).code == "file-not-found"
    assert refusal(tmp_path / "frozen.pb").code == "file-not-found"
    assert refusal(tmp_path / "a\0b").code == "file-not-readable"
    assert refusal(Path("/dev/zero")).code == "not-a-file"

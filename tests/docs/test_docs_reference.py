"""The reference pages are what the schema says, and their examples pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs_pages import DOCS, blocks

from ai_on_eks.descriptors.documents import parse_yaml, read_yaml, validate
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.maintenance.reference_docs import PAGES, main, page

ROOT = DOCS.parent


@pytest.mark.parametrize("name", sorted(PAGES))
def test_given_the_schema_when_printed_then_the_committed_page_is_the_same(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name]) == 0
    committed = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    assert committed == capsys.readouterr().out, f"run: python -m ai_on_eks.maintenance reference-docs {name}"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_given_a_page_when_its_example_is_checked_then_it_passes(name: str) -> None:
    (example,) = blocks(page(name), "yaml")
    validate(parse_yaml(example, f"{name}.yaml"), PAGES[name].model)


@pytest.mark.parametrize(
    ("page_name", "row"),
    [
        ("descriptor", "| `concurrency` | whole number, at least 1 and at most 100,000 | `8` |"),
        ("descriptor", "| `storage` | `s3`, `fsx`, `efs`, `node` | `s3` |"),
        ("descriptor", "| `source` | mapping, see [source](#source) | required |"),
        ("platform", "| `mode` | `apply`, `render`, `gitops` | `apply` |"),
        ("platform", "| `availability_zones` | list of 2 to 6, of: text | required |"),
        ("platform", "| `tags` | mapping to text | `{}` |"),
    ],
)
def test_given_a_key_when_its_row_is_read_then_value_and_default_are_right(page_name: str, row: str) -> None:
    assert row in page(page_name)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_given_any_mapping_of_the_file_when_the_page_is_read_then_each_of_its_keys_has_a_row(name: str) -> None:
    """Those that lists hold, too: a stage of the pipeline file, a reservation of the platform file."""
    schema, described = PAGES[name].model.model_json_schema(by_alias=True), page(name)
    for mapping in (schema, *(one for one in schema["$defs"].values() if "properties" in one)):
        header = f"{' '.join(mapping['description'].split())}\n\n| key |".replace("<", "&lt;")
        assert header in described, header
        rows = described.split(header, 1)[1].split("\n\n", 1)[0]
        assert [key for key in mapping["properties"] if f"| `{key}` |" not in rows] == []


def test_given_the_page_when_read_then_every_key_of_the_files_in_the_repository_is_described() -> None:
    described = page("descriptor")
    for path in sorted((ROOT / "models").glob("*.yaml")):
        for key in validate(read_yaml(path), Descriptor).model_fields_set:
            assert f"| `{key}` |" in described
    for key in validate(read_yaml(Path(ROOT / "platform.yaml")), Platform).model_fields_set:
        assert f"| `{key}` |" in page("platform")

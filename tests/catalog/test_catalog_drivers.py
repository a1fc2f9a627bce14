"""Storage drivers run on every node of a platform that has them: no model is planned on what they take."""

from __future__ import annotations

from ai_on_eks.catalog.daemonsets import beside_drivers, load_daemonsets, load_drivers
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform_storage import BucketMount, ElasticFileSystem, FsxForLustre, PlatformStorage


def test_given_no_storage_then_the_catalogue_is_what_it_was() -> None:
    catalog = load_catalog("us-east-1")
    assert beside_drivers(catalog, PlatformStorage().sections) is catalog


def test_given_drivers_then_every_node_has_less_by_what_they_take() -> None:
    plain = load_catalog("us-east-1")
    storage = PlatformStorage(fsx=FsxForLustre(zone="us-east-1a"), efs=ElasticFileSystem(), s3_mount=BucketMount())
    beside = beside_drivers(plain, storage.sections)
    drivers = load_drivers().values()
    before, after = plain.instance_type("g6.xlarge"), beside.instance_type("g6.xlarge")
    assert before.allocatable_cpu_millicores - after.allocatable_cpu_millicores == 90
    assert before.allocatable_memory_bytes - after.allocatable_memory_bytes == sum(one.memory_bytes for one in drivers)
    assert before.max_pods - after.max_pods == 3
    assert min(one.allocatable_memory_bytes for one in beside.instance_types.values()) >= 0


def test_every_section_of_the_platform_file_has_its_driver_and_none_is_counted_without_it() -> None:
    assert set(load_drivers()) == set(PlatformStorage.model_fields)
    assert not {one.name for one in load_daemonsets()} & set(load_drivers())

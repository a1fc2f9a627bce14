"""From an address to a place that can be described."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.remote.address import HubAddress, parse_address
from ai_on_eks.descriptors.remote.hub import open_repository
from ai_on_eks.descriptors.remote.paths import RemotePath
from ai_on_eks.descriptors.remote.settings import hub_settings, require_online
from ai_on_eks.descriptors.remote.transport import Transport, open_transport
from ai_on_eks.descriptors.remote.web import WebFiles


def open_remote(
    source: str, environment: Mapping[str, str] = os.environ, sleep: Callable[[float], None] = time.sleep
) -> RemotePath:
    """The repository, or the file, that `source` names. What it holds is asked for when it is read."""
    address = parse_address(source)
    require_online(environment, source)
    transport = open_transport(sleep)
    if isinstance(address, HubAddress):
        return _in_repository(address, environment, transport)
    return RemotePath(WebFiles(address.folder, transport), address.name)


def _in_repository(address: HubAddress, environment: Mapping[str, str], transport: Transport) -> RemotePath:
    files = open_repository(address, hub_settings(environment), transport)
    place = RemotePath(files, address.path)
    if address.path and place.is_dir():
        message = "is a folder of a repository, which a descriptor cannot name"
        raise refuse("source-not-supported", message, str(place), fix="name the repository, or a weight file in it")
    return place

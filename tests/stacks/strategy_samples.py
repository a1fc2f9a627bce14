"""Whole platforms by capacity strategy, synthesized once for all tests that look at them."""

from __future__ import annotations

from pathlib import Path

import stacks_samples as samples

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.kube.manifests import node_manifests
from ai_on_eks.serving.storage import StorageAddresses
from stacks.application import Charts, Deployment, build_app

STRATEGIES = (CapacityStrategy.KARPENTER, CapacityStrategy.AUTO_MODE)
"""Those beside managed node groups, which are the default of every other test."""

ACCELERATORS = {
    "gpu": (samples.request(), samples.request(samples.cpu_type("c7i.2xlarge"), models=("resnet",))),
    "neuron": (samples.request(samples.neuron_type("inf2.48xlarge")),),
    "reserved": (samples.request(reservation_id="cr-0123456789abcdef0", zones=("us-east-1b",)),),
}


def deployment(strategy: CapacityStrategy, accelerators: str = "gpu", *, rendered: bool = False) -> Deployment:
    settings = samples.rendered() if rendered else {}
    return samples.deployment(*ACCELERATORS[accelerators], capacity=Capacity(strategy=strategy), **settings)


def charts(of: Deployment, addresses: StorageAddresses) -> Charts:
    """As the application renders them, with the nodes' objects in full."""
    plain = samples.charts(addresses)
    nodes = [*node_manifests(of.platform, of.node_objects(addresses)).values()]
    return Charts(nodes=nodes, platform=plain.platform, models=plain.models)


def synthesize(of: Deployment, folder: Path) -> Path:
    build_app(of, lambda addresses: charts(of, addresses), outdir=str(folder), validate=False).synth()
    return folder

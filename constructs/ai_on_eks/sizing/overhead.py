"""What an engine takes of a device beside the model.

    overhead = device context and communication buffers  +  graphs + graphs per layer × ⌈layers ÷ PP⌉     (accelerator)
    overhead = the engine's own process                                                                   (CPU)

Graphs count only where the engine reserves them inside its share of the memory; older versions capture them outside,
and so does an engine whose share is one of what is free (`free_share`).
"""

from __future__ import annotations

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.sizing.sglang import share_of_free
from ai_on_eks.sizing.types import Target, Term
from ai_on_eks.units import ceil_div, counted, format_gib


def overhead_terms(inventory: Inventory, target: Target) -> tuple[Term, ...]:
    """The engine's own share of one rank, line by line."""
    if target.on_cpu:
        return (_process_term(target.engine),)
    graphs = _graph_term(inventory, target)
    is_inside = graphs.value_bytes and not target.engine.free_share
    return (_context_term(target), graphs) if is_inside else (_context_term(target),)


def _process_term(engine: EngineMemory) -> Term:
    host = engine.host
    return Term(
        name="engine process",
        value_bytes=host.server_bytes + host.cpu_process_bytes,
        formula=f"{format_gib(host.server_bytes)} server + {format_gib(host.cpu_process_bytes)} engine",
        source=engine.sources.get("host-server", ""),
    )


def _context_term(target: Target) -> Term:
    engine = target.engine
    ranks = target.tensor_parallel * target.pipeline_parallel
    value_bytes = engine.overhead_bytes if ranks == 1 else engine.overhead_bytes_parallel
    term = Term(
        name="device context and communication" if engine.programs is None else "programs and communication",
        value_bytes=value_bytes,
        formula=f"{format_gib(value_bytes)} per {'rank' if engine.programs is None else 'logical core'} of {ranks}",
        source=engine.sources.get("overhead", ""),
    )
    return share_of_free(term, target)


def _graph_term(inventory: Inventory, target: Target) -> Term:
    engine = target.engine
    layers = ceil_div(inventory.layers, target.pipeline_parallel)
    return Term(
        name="captured graphs",
        value_bytes=engine.graph_bytes + engine.graph_bytes_per_layer * layers,
        formula=f"{engine.graph_bytes:,} B + {counted(layers, 'layer')} × {engine.graph_bytes_per_layer:,} B",
        source=engine.sources.get("graphs", ""),
    )

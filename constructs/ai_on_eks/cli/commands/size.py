"""Bytes a model needs: weights, KV cache per token and, on a target, the account of one accelerator.

A target is named by --accelerator, by --instance-type, or both. With one, exit code 3 says that the model does not fit.
Of a fine-tuning job: what one of its ranks holds, alone or on --instance-type.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from msgspec.structs import replace

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.cli.documents.sizes import SizeAnswer, size_body
from ai_on_eks.cli.loading import DEFAULT_REGION, LoadedModel, default_platform, load_model
from ai_on_eks.cli.output import document, terminal_width, write_json, write_text
from ai_on_eks.cli.parsing import open_fraction, positive_int
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.targets import TargetOptions, resolve_target
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.errors import EXIT_DONE, EXIT_NOTHING_FITS, Problem, UsageError
from ai_on_eks.placement.requirements import effective_load, effective_precision, resolve
from ai_on_eks.sizing.cache import kv_bytes_per_token
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load
from ai_on_eks.sizing.weights import weights_bytes


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("descriptor", metavar="DESCRIPTOR", help="descriptor file of a model, or a fine-tuning job")
    parser.add_argument("--accelerator", metavar="A", help="name as `ai-on-eks catalog accelerators` prints it")
    parser.add_argument("--instance-type", metavar="T", help="EC2 instance type, such as g6e.2xlarge")
    parser.add_argument("--tp", type=positive_int, metavar="N", help="tensor parallelism; default: 1")
    parser.add_argument("--pp", type=positive_int, metavar="N", help="pipeline parallelism; default: 1")
    parser.add_argument("--max-model-len", type=positive_int, metavar="N", help="context; default: the descriptor's")
    parser.add_argument("--concurrency", type=positive_int, metavar="N", help="sequences; default: the descriptor's")
    parser.add_argument("--memory-fraction", type=open_fraction, metavar="F", help="default: the engine's own")
    parser.add_argument("--engine", metavar="E[@VERSION]", help="default: the first engine that serves the model")
    parser.add_argument("--explain", action="store_true", help="every term with its formula and source")


def run(args: Namespace) -> int:
    if is_fine_tune(args.descriptor):
        from ai_on_eks.cli.fine_tune_size import size_job  # noqa: PLC0415 - models have no use for it

        return size_job(args)
    with progress("sizing", 1, quiet=args.json):
        model = load_model(args.descriptor)
        answer = _answer(model, _load(args, model), _options(args))
    body = size_body(answer)
    if args.json:
        write_json(document("size", body))
    else:
        from ai_on_eks.cli.size_text import size_text  # noqa: PLC0415 - JSON has no use for it

        write_text(size_text(body, terminal_width(), explain=args.explain))
    return EXIT_NOTHING_FITS if body["fits"] is False else EXIT_DONE


def _load(args: Namespace, model: LoadedModel) -> Load:
    load = effective_load(model.descriptor, model.inventory)
    if args.max_model_len is not None:
        if model.inventory.max_context_tokens is None and not model.inventory.states:
            raise UsageError(
                Problem(
                    code="no-context",
                    message=f"{model.descriptor.name} does not work on a context of tokens",
                    path="--max-model-len",
                    value=args.max_model_len,
                    fix="leave --max-model-len out",
                )
            )
        _check_length(args.max_model_len, model.inventory.max_context_tokens)
        load = replace(load, context_tokens=args.max_model_len)
    if args.concurrency is not None:
        load = replace(load, concurrency=args.concurrency)
    return load


def _check_length(asked: int, longest: int | None) -> None:
    """As in a descriptor: an engine refuses to start with more than the model was built for."""
    if longest is not None and asked > longest:
        raise UsageError(
            Problem(
                code="out-of-range",
                message=f"{asked} tokens are more than the {longest} the model was built for",
                path="--max-model-len",
                value=asked,
                allowed=(f"1 to {longest}",),
                fix=f"--max-model-len {longest}",
            )
        )


def _options(args: Namespace) -> TargetOptions:
    return TargetOptions(
        accelerator=args.accelerator,
        instance_type=args.instance_type,
        tensor_parallel=args.tp,
        pipeline_parallel=args.pp,
        memory_fraction=args.memory_fraction,
        engine=args.engine,
        explain=args.explain,
    )


def _answer(model: LoadedModel, load: Load, options: TargetOptions) -> SizeAnswer:
    inventory, precision = model.inventory, effective_precision(model.descriptor)
    platform = default_platform(DEFAULT_REGION).platform
    requirements = replace(resolve(model.descriptor, inventory, platform), load=load)
    resolved = resolve_target(options, requirements, load_catalog(DEFAULT_REGION))
    demand = None
    if resolved is not None:
        demand = size_model(inventory, precision, load, resolved.target, storage=model.descriptor.storage)
    return SizeAnswer(
        model=model.descriptor.name,
        inventory=inventory,
        precision=precision,
        load=load,
        weights_bytes=weights_bytes(inventory, precision),
        kv_bytes_per_token=kv_bytes_per_token(inventory, precision),
        target=None if resolved is None else resolved.name,
        demand=demand,
        objections=() if resolved is None else resolved.objections,
    )

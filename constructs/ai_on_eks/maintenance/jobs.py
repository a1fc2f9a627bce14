"""Many questions to AWS at once, few at a time, each asked once however often the refresh is started.

The answers are JSON-ready, so that they survive an interruption, and come back by name in the order of the jobs: how
fast which region answered changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple

from ai_on_eks.maintenance.resuming import FinishedJobs

Progress = Callable[[str], None]


class Job(NamedTuple):
    """One question, such as `offerings/us-west-2`. `ask` returns None for nothing."""

    name: str
    ask: Callable[[], Any]


def run(jobs: Sequence[Job], finished: FinishedJobs, workers: int, progress: Progress) -> dict[str, Any]:
    """Every job's answer. The first failure ends it, once what is being asked has been answered and kept."""
    answers = {job.name: finished.get(job.name) for job in jobs}
    open_jobs = [job for job in jobs if answers[job.name] is None]
    if len(open_jobs) < len(jobs):
        progress(f"{len(jobs) - len(open_jobs)} of {len(jobs)} were asked before the interruption")
    done = len(jobs) - len(open_jobs)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        futures = {pool.submit(job.ask): job for job in open_jobs}
        try:
            for future in as_completed(futures):
                name = futures[future].name
                answers[name] = future.result()
                finished.keep(name, answers[name])
                done += 1
                progress(f"[{done}/{len(jobs)}] {name}: {len(answers[name])}")
        except BaseException:  # an interruption by the keyboard as well
            pool.shutdown(wait=True, cancel_futures=True)
            _keep_answered(futures, finished)
            raise
    return answers


def _keep_answered(futures: Mapping[Future[Any], Job], finished: FinishedJobs) -> None:
    """What was still running when another job failed need not be asked again either."""
    for future, job in futures.items():
        if future.done() and not future.cancelled() and future.exception() is None:
            finished.keep(job.name, future.result())

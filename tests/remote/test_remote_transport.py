"""Ranges that a server answers wrongly, and servers that are busy, gone or too generous."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_server import TOKEN, Server, hub_environment, serve

from ai_on_eks.descriptors.remote import transport
from ai_on_eks.descriptors.remote.opening import open_remote
from ai_on_eks.descriptors.remote.ranges import FIRST_BYTES
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.web import Budget, BudgetError

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

SOURCE = "hf://org/My-Model/model.gguf"


@pytest.fixture
def server(tmp_path: Path) -> Server:
    (tmp_path / "model.gguf").write_bytes(bytes(4 * FIRST_BYTES))
    return Server(tmp_path)


def read(server: Server, waits: list[float], **environment: str) -> None:
    place = open_remote(SOURCE, hub_environment(server, **environment), waits.append)
    source = place.open()
    assert source.read_at(0, 4) == bytes(4)
    assert source.read_at(FIRST_BYTES, 4) == bytes(4)


def refused(server: Server, waits: list[float] | None = None, **environment: str) -> Problem:
    with serve(server), pytest.raises(InputError) as caught:
        read(server, [] if waits is None else waits, **environment)
    (problem,) = caught.value.problems
    return problem


def test_given_a_server_that_ignores_ranges_then_its_body_is_not_read(server: Server) -> None:
    server.fault = "whole file"  # it announces a body and sends none: a client that read it would wait for ever
    problem = refused(server)
    assert (problem.code, "download" in (problem.fix or "")) == ("remote-range-refused", True)


@pytest.mark.parametrize(
    "fault", ["other range", "no range", "unknown size", "too long", "too short", "gzip", "teapot"]
)
def test_given_other_bytes_than_were_asked_for_then_they_are_refused(fault: str, server: Server) -> None:
    server.fault = fault
    assert refused(server).code == "remote-answer-invalid"


@pytest.mark.parametrize("fault", ["another etag", "another size", "gone"])
def test_given_a_file_that_changes_between_two_ranges_then_it_is_told(fault: str, server: Server) -> None:
    server.fault = fault
    assert refused(server).code == "remote-changed"


def test_given_a_file_that_is_not_of_the_listed_size_then_it_is_told(server: Server) -> None:
    server.edit_entry = lambda entry: entry.update(size=3 * FIRST_BYTES)
    assert refused(server).code == "remote-changed"


def test_given_a_file_that_ends_before_its_listed_size_then_it_is_told(server: Server) -> None:
    server.edit_entry = lambda entry: entry.update(size=9 * FIRST_BYTES)
    assert refused(server).code == "remote-changed"


def test_given_an_answer_that_breaks_off_then_it_is_asked_for_again_and_then_told(server: Server) -> None:
    server.fault = "breaks off"
    waits: list[float] = []
    problem = refused(server, waits)
    assert (problem.code, "ends after" in problem.message, waits) == ("remote-unreachable", True, [1.0, 2.0, 4.0])


def test_given_a_file_that_is_forbidden_then_the_token_is_doubted(server: Server) -> None:
    server.fault = "forbidden"
    assert refused(server).code == "remote-unauthorized"


@pytest.mark.parametrize("status", [429, 503])
def test_given_a_busy_server_then_its_wait_is_kept(status: int, server: Server) -> None:
    server.failures, server.retry_after = [status, status], "7"
    waits: list[float] = []
    with serve(server):
        read(server, waits)
    assert waits == [7.0, 7.0]


@pytest.mark.parametrize(("retry_after", "waited"), [("3600", []), ("soon", [1.0, 2.0, 4.0])])
def test_given_a_server_that_stays_busy_then_it_is_told_soon(
    retry_after: str, waited: list[float], server: Server
) -> None:
    server.failures, server.retry_after = [503] * 9, retry_after
    waits: list[float] = []
    problem = refused(server, waits)
    assert (problem.code, waits) == ("remote-unreachable", waited)


def test_given_no_server_then_a_folder_is_proposed(server: Server) -> None:
    with serve(server):
        pass
    waits: list[float] = []
    with pytest.raises(InputError) as caught:
        read(server, waits)
    (problem,) = caught.value.problems
    assert (problem.code, waits) == ("remote-unreachable", [1.0, 2.0, 4.0])
    assert "describe their folder" in (problem.fix or "")


@pytest.mark.parametrize(
    ("limit", "value"), [("TOTAL_BYTES", FIRST_BYTES), ("TOTAL_REQUESTS", 3), ("TOTAL_SECONDS", -1.0)]
)
def test_given_less_than_it_takes_then_the_bound_is_told(
    limit: str, value: float, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, limit, value)
    assert refused(server).code == "remote-too-large"


def test_given_a_budget_when_time_is_up_then_no_request_begins_and_no_body_goes_on() -> None:
    now = [0.0]
    budget = Budget(bytes_left=100, requests_left=9, seconds=10.0, clock=lambda: now[0])
    budget.begin_request()
    budget.spend(60)
    now[0] = 11.0
    with pytest.raises(BudgetError, match="10 seconds"):
        budget.spend(1)
    with pytest.raises(BudgetError):
        budget.begin_request()


def test_given_a_cdn_on_another_host_then_it_is_asked_without_the_token(server: Server) -> None:
    cdn = Server(server.folder)
    with serve(cdn, server):
        server.cdn = cdn.address
        read(server, [], HF_TOKEN=TOKEN)
    assert {one.authorization for one in server.requests} == {f"Bearer {TOKEN}"}
    assert len(cdn.requests) == 2
    assert {one.authorization for one in cdn.requests} == {None}
    assert all(one.range is not None for one in cdn.requests)


def test_given_a_redirect_within_the_hub_then_the_token_goes_along(server: Server) -> None:
    with serve(server):
        read(server, [], HF_TOKEN=TOKEN)
    assert len(server.ranges()) == 2
    assert {one.authorization for one in server.requests} == {f"Bearer {TOKEN}"}


def test_given_a_redirect_out_and_back_then_the_token_has_been_left_behind(server: Server) -> None:
    between = Server(server.folder)
    with serve(between, server):
        server.cdn, between.redirect = between.address, f"{server.address}/files/model.gguf"
        read(server, [], HF_TOKEN=TOKEN)
    assert {one.authorization for one in server.requests if one.path.startswith("/files/")} == {None}


@pytest.mark.parametrize(
    "target",
    [
        "http://cdn.example/x", "file:///etc/hostname", "ftp://cdn.example/x", "https://[", "http://\x1b[2J.example/",
        "data:,x", "//cdn.example/x",
    ],
)  # fmt: skip
def test_given_a_redirect_away_from_https_then_it_is_not_followed(target: str, server: Server) -> None:
    with serve(server):
        server.cdn = target
        with pytest.raises(InputError) as caught:
            read(server, [])
    (problem,) = caught.value.problems
    assert problem.code == "remote-redirect-refused"
    assert str(problem).replace("\n", "").isprintable()


def test_given_redirects_without_end_then_they_end(server: Server) -> None:
    with serve(server):
        server.redirect = f"{server.address}/again"
        with pytest.raises(InputError) as caught:
            read(server, [])
    assert caught.value.problems[0].code == "remote-redirect-refused"
    assert len(server.requests) <= 11

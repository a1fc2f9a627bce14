"""Digests from a registry. The server is real HTTP on the loopback interface; nothing else may be reached."""

from __future__ import annotations

import pytest
from serving_registry import TOKEN, FakeRegistry, digest_of, manifest, serve

from ai_on_eks.errors import EXIT_FINDINGS
from ai_on_eks.serving.registry import MANIFEST_LIMIT_BYTES, RegistryClient, RegistryError, base_url

pytestmark = [
    pytest.mark.local_server,
    pytest.mark.enable_socket,
    pytest.mark.allow_hosts(["127.0.0.1"]),
]

PATH = "/v2/team/image/manifests/v1"
BODY = manifest("one")


def client(waits: list[float] | None = None) -> RegistryClient:
    return RegistryClient(timeout_seconds=2.0, sleep=(waits if waits is not None else []).append)


def problem_code(registry: FakeRegistry, waits: list[float] | None = None) -> str:
    with serve(registry) as host, pytest.raises(RegistryError) as caught:
        client(waits).digest(f"{host}/team/image", "v1")
    (problem,) = caught.value.problems
    assert caught.value.exit_code == EXIT_FINDINGS
    assert TOKEN not in str(problem)
    return problem.code


def test_given_a_public_image_then_its_digest_is_the_hash_of_its_manifest() -> None:
    registry = FakeRegistry({PATH: BODY})
    with serve(registry) as host:
        assert client().digest(f"{host}/team/image", "v1") == digest_of(BODY)
    assert registry.requests == [("HEAD", PATH), ("GET", PATH)]
    assert registry.accepted[0].startswith("application/vnd.oci.image.index.v1+json, ")
    assert "application/vnd.docker.distribution.manifest.list.v2+json" in registry.accepted[0]


def test_given_a_registry_that_announces_no_digest_then_it_is_computed() -> None:
    with serve(FakeRegistry({PATH: BODY}, omit_digest=True)) as host:
        assert client().digest(f"{host}/team/image", "v1") == digest_of(BODY)


def test_given_a_bearer_challenge_then_an_anonymous_token_is_fetched_once() -> None:
    registry = FakeRegistry({PATH: BODY}, needs_token=True)
    with serve(registry) as host:
        assert client().digest(f"{host}/team/image", "v1") == digest_of(BODY)
    assert registry.requests == [("HEAD", PATH), ("GET", "/token"), ("HEAD", PATH), ("GET", PATH)]
    assert registry.token_queries == [{"service": ["test"], "scope": ["repository:team/image:pull"]}]


def test_given_a_token_under_its_other_name_then_it_is_taken() -> None:
    registry = FakeRegistry({PATH: BODY}, needs_token=True, token_body=f'{{"access_token": "{TOKEN}"}}'.encode())
    with serve(registry) as host:
        assert client().digest(f"{host}/team/image", "v1") == digest_of(BODY)


@pytest.mark.parametrize(
    "token_body",
    [b"", b"no json", b"[]", b"{}", b'{"token": 1}', b'{"token": "a\\r\\nX: y"}', b"[" * 50_000],
    ids=["empty", "text", "list", "no token", "number", "line break", "deep"],
)
def test_given_a_broken_token_answer_then_it_is_reported(token_body: bytes) -> None:
    registry = FakeRegistry({PATH: BODY}, needs_token=True, token_body=token_body)
    assert problem_code(registry) == "registry-answer-invalid"


def test_given_a_token_that_is_refused_then_it_is_not_asked_for_for_ever() -> None:
    registry = FakeRegistry({PATH: BODY}, needs_token=True, token_body=b'{"token": "wrong"}')
    assert problem_code(registry) == "registry-unauthorized"
    assert len(registry.requests) == 3


@pytest.mark.parametrize("challenge", ['Basic realm="private"', "Bearer", "Bearer service=x"])
def test_given_a_challenge_for_credentials_then_it_says_to_write_the_digest_by_hand(challenge: str) -> None:
    registry = FakeRegistry({PATH: BODY}, needs_token=True, challenge=challenge)
    assert problem_code(registry) == "registry-unauthorized"


@pytest.mark.parametrize("realm", ["http://registry.example/token", "file:///etc/passwd", "ftp://registry.example/"])
def test_given_a_token_service_without_https_then_it_is_not_asked(realm: str) -> None:
    registry = FakeRegistry({PATH: BODY}, needs_token=True, challenge=f'Bearer realm="{realm}",service="x"')
    assert problem_code(registry) == "registry-insecure"


def test_given_an_unknown_tag_then_it_is_not_found() -> None:
    assert problem_code(FakeRegistry({})) == "image-not-found"


def test_given_a_manifest_that_does_not_hash_to_its_digest_then_it_is_refused() -> None:
    registry = FakeRegistry({PATH: BODY}, announced_digest=digest_of(b"another"))
    assert problem_code(registry) == "registry-digest-mismatch"


def test_given_a_digest_that_is_none_then_it_is_not_repeated() -> None:
    registry = FakeRegistry({PATH: BODY}, announced_digest="<script>")
    with serve(registry) as host, pytest.raises(RegistryError) as caught:
        client().digest(f"{host}/team/image", "v1")
    assert "<script>" not in str(caught.value)


def test_given_a_manifest_beyond_the_limit_then_it_is_refused() -> None:
    registry = FakeRegistry({PATH: b"x" * (MANIFEST_LIMIT_BYTES + 1)})
    assert problem_code(registry) == "registry-answer-too-large"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_given_a_busy_registry_then_it_is_asked_again_with_growing_waits(status: int) -> None:
    waits: list[float] = []
    with serve(FakeRegistry({PATH: BODY}, failures=[status, status])) as host:
        assert client(waits).digest(f"{host}/team/image", "v1") == digest_of(BODY)
    assert waits == [1.0, 2.0]


def test_given_a_registry_that_says_when_then_its_wait_is_kept() -> None:
    waits: list[float] = []
    with serve(FakeRegistry({PATH: BODY}, failures=[429], retry_after="7")) as host:
        client(waits).digest(f"{host}/team/image", "v1")
    assert waits == [7.0]


def test_given_a_registry_that_wants_an_hour_then_it_is_reported_at_once() -> None:
    waits: list[float] = []
    assert problem_code(FakeRegistry({PATH: BODY}, failures=[429], retry_after="3600"), waits) == "registry-unreachable"
    assert waits == []


def test_given_a_registry_that_stays_broken_then_four_attempts_are_made() -> None:
    waits: list[float] = []
    registry = FakeRegistry({PATH: BODY}, failures=[503] * 9)
    assert problem_code(registry, waits) == "registry-unreachable"
    assert (waits, len(registry.requests)) == ([1.0, 2.0, 4.0], 4)


def test_given_a_host_out_of_reach_then_it_is_waited_for_once_and_told_each_time() -> None:
    waits: list[float] = []
    client = RegistryClient(sleep=waits.append)
    told = set()
    for name in ("one", "two", "three"):
        with pytest.raises(RegistryError) as caught:
            client.digest(f"localhost:1/{name}", "1")
        told.add(caught.value.problems[0].code)
    assert told == {"registry-unreachable"}
    assert waits == [1.0, 2.0, 4.0]


def test_given_nobody_listening_then_the_host_is_named() -> None:
    with serve(FakeRegistry({})) as host:
        pass
    with pytest.raises(RegistryError, match=host) as caught:
        client().digest(f"{host}/team/image", "v1")
    assert [problem.code for problem in caught.value.problems] == ["registry-unreachable"]


@pytest.mark.parametrize("target", ["http://registry.example/v2/", "file:///etc/passwd"])
def test_given_a_redirect_away_from_https_then_it_is_not_followed(target: str) -> None:
    assert problem_code(FakeRegistry({PATH: BODY}, redirect_to=target)) in {"registry-insecure", "registry-unreachable"}


def test_given_a_redirect_to_another_host_then_the_token_stays_behind() -> None:
    elsewhere = FakeRegistry({PATH: BODY}, needs_token=True, challenge="Basic")
    with serve(elsewhere) as other:
        first = FakeRegistry({PATH: BODY}, needs_token=True)
        with serve(first) as host:
            asking = client()
            asking.digest(f"{host}/team/image", "v1")
            first.redirect_to = f"http://{other}{PATH}"
            with pytest.raises(RegistryError):
                asking.digest(f"{host}/team/image", "v1")
    assert elsewhere.requests == [("HEAD", PATH)]
    assert elsewhere.accepted == [], "the other host was given the token"


def test_given_a_redirect_then_the_same_method_is_asked_there() -> None:
    elsewhere = FakeRegistry({PATH: BODY})
    with serve(elsewhere) as other, serve(FakeRegistry({}, redirect_to=f"http://{other}{PATH}")) as host:
        assert client().digest(f"{host}/team/image", "v1") == digest_of(BODY)
    assert elsewhere.requests == [("HEAD", PATH), ("GET", PATH)]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("docker.io", "https://registry-1.docker.io"),
        ("ghcr.io", "https://ghcr.io"),
        ("registry.example:5000", "https://registry.example:5000"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("127.0.0.1.example.com", "https://127.0.0.1.example.com"),
    ],
)
def test_given_a_host_then_only_the_loopback_interface_is_asked_in_the_clear(host: str, url: str) -> None:
    assert base_url(host) == url

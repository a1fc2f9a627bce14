"""`ai-on-eks verify` against a server that holds what was rendered, and against every way to differ from it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from drift_api_server import ApiServer, api_server

from ai_on_eks.cli.main import main

pytestmark = [pytest.mark.local_server, pytest.mark.enable_socket, pytest.mark.allow_hosts(["127.0.0.1"])]

RENDERED = Path(__file__).resolve().parents[1] / "k8s" / "snapshots"
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "verifying.md"
FILES = ("bge-large-en-v1-5.yaml", "llama-3-1-8b-instruct.yaml", "platform.yaml", "resnet-50.yaml")
MODEL = "resnet-50"
DEPLOYMENT = f"/apis/apps/v1/namespaces/models/deployments/{MODEL}"
POD = "spec.template.spec"

Json = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The manifests of this repository's models, but for kinds that the server does not serve."""
    made = tmp_path / "manifests"
    made.mkdir()
    for name in FILES:
        text = (RENDERED / name).read_text(encoding="utf-8")
        kept = [one for one in yaml.safe_load_all(text) if one["kind"] not in ("PodMonitor",)]
        (made / name).write_text(yaml.safe_dump_all(kept), encoding="utf-8")
    return made


@pytest.fixture
def server(folder: Path) -> Iterator[ApiServer]:
    """A server to which all of them have been applied."""
    with api_server() as state:
        for path in sorted(folder.glob("*.yaml")):
            for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8")):
                state.apply(manifest)
        yield state


class Verify:
    """Runs the command and keeps what it said."""

    def __init__(self, folder: Path, server: ApiServer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        self.arguments = ["verify", str(folder), "--kubeconfig", server.kubeconfig(tmp_path)]
        self.capsys = capsys

    def text(self, *more: str) -> tuple[int, str, str]:
        self.capsys.readouterr()
        code = main([*self.arguments, *more])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def findings(self) -> list[tuple[str, str, str | None, str | None, str | None]]:
        """Object, kind, path, both values."""
        _, out, _ = self.text("--json")
        return [
            (f"{one['kind']}/{one['name']}", found["finding"], found["path"], found["rendered"], found["live"])
            for one in json.loads(out)["objects"]
            for found in one["findings"]
        ]


@pytest.fixture
def verify(folder: Path, server: ApiServer, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Verify:
    return Verify(folder, server, capsys, tmp_path)


def test_what_was_applied_is_as_rendered(verify: Verify, server: ApiServer) -> None:
    code, out, err = verify.text()

    assert (code, out) == (0, "")
    assert "no finding" in err
    assert {method for method, _path in server.requests} == {"GET", "PUT"}


def test_the_document_names_every_object_and_how_far_it_was_compared(verify: Verify) -> None:
    code, out, _ = verify.text("--json")
    answer = json.loads(out)

    assert (code, answer["schema"], answer["context"]) == (0, "ai-on-eks/verify/v1", "demo")
    assert {one["compared"] for one in answer["objects"]} == {"whole"}
    assert answer["summary"] == {"missing": 0, "changed": 0, "not-ready": 0, "extra": 0, "unreadable": 0}
    assert {("Deployment", MODEL), ("Namespace", "models")} <= {(one["kind"], one["name"]) for one in answer["objects"]}


def test_whoever_waits_sees_one_object_after_the_other(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    moves: list[str] = []

    @contextmanager
    def counted(what: str, total: int, *, quiet: bool) -> Iterator[Callable[[], object]]:
        moves.append(f"{what} {total}, {'quiet' if quiet else 'told'}")
        yield lambda: moves.append("one")

    monkeypatch.setattr("ai_on_eks.cli.commands.verify.progress", counted)
    _, out, _ = verify.text("--json")
    objects = len(json.loads(out)["objects"])
    verify.text()
    assert moves == [
        *(f"comparing {objects}, quiet", *["one"] * objects), *(f"comparing {objects}, told", *["one"] * objects),
    ]  # fmt: skip


def _container(live: Json) -> Json:
    found: Json = live["spec"]["template"]["spec"]["containers"][0]
    return found


def _drop_argument(live: Json) -> None:
    del _container(live)["args"][-1]


def _host_network(live: Json) -> None:
    live["spec"]["template"]["spec"]["hostNetwork"] = True


def _sidecar(live: Json) -> None:
    live["spec"]["template"]["spec"]["containers"].append({"name": "sidecar", "image": "registry.example/x:1"})


def _less_memory(live: Json) -> None:
    _container(live)["resources"]["limits"]["memory"] = "1Gi"


def _image(live: Json) -> None:
    _container(live)["image"] = "registry.example/other:2"


def _two_replicas(live: Json) -> None:
    live["spec"]["replicas"] = 2


@pytest.mark.parametrize(
    ("change", "path", "live"),
    [
        (_host_network, f"{POD}.hostNetwork", "true"),
        (_sidecar, f"{POD}.containers[sidecar]", '{"image": "registry.example/x:1", "name": "sidecar"}'),
        (_less_memory, f"{POD}.containers[engine].resources.limits.memory", "1Gi"),
        (_image, f"{POD}.containers[engine].image", "registry.example/other:2"),
        (_two_replicas, "spec.replicas", "2"),
    ],
)
def test_one_changed_field_is_one_finding(
    verify: Verify, server: ApiServer, change: Callable[[Json], None], path: str, live: str
) -> None:
    change(server.objects[DEPLOYMENT])

    found = [one for one in verify.findings() if one[1] == "changed"]
    assert [(one[0], one[2], one[4]) for one in found] == [(f"Deployment/{MODEL}", path, live)]


def test_a_missing_argument_is_told_with_its_place(verify: Verify, server: ApiServer) -> None:
    _drop_argument(server.objects[DEPLOYMENT])

    ((name, kind, path, rendered, live),) = verify.findings()
    assert (name, kind, live) == (f"Deployment/{MODEL}", "changed", None)
    assert path is not None
    assert path.startswith(f"{POD}.containers[engine].args[")
    assert rendered


def test_the_label_of_another_plan_is_seen(verify: Verify, server: ApiServer) -> None:
    server.objects[DEPLOYMENT]["metadata"]["labels"]["ai-on-eks/plan-digest"] = "0" * 16

    ((_, _, path, _, live),) = verify.findings()
    assert (path, live) == ("metadata.labels[ai-on-eks/plan-digest]", "0" * 16)


def test_marks_of_others_are_no_drift(verify: Verify, server: ApiServer) -> None:
    live = server.objects[DEPLOYMENT]
    live["metadata"]["labels"]["argocd.example/instance"] = "demo"
    live["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "4"}
    live["metadata"]["finalizers"] = ["example.com/wait"]
    live["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026-11-29T00:00:00Z"

    assert verify.findings() == []


def test_what_the_cluster_gives_an_object_is_no_drift(verify: Verify, server: ApiServer, folder: Path) -> None:
    """GIVEN a volume that its claim has bound and a deployment that is scaled WHEN verified THEN both are as rendered:
    of the claim only its name was, and no number of replicas."""
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "models-x"},
        "spec": {"capacity": {"storage": "1Gi"}, "claimRef": {"namespace": "models", "name": "x"}},
    }
    live = json.loads(json.dumps(server.objects[DEPLOYMENT]))
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "y", "namespace": "z"}}
    scaled["spec"] = {key: value for key, value in live["spec"].items() if key != "replicas"}
    (folder / "more.yaml").write_text(yaml.safe_dump_all([volume, scaled]), encoding="utf-8")
    server.apply(volume)["spec"]["claimRef"].update(uid="1234", resourceVersion="9")
    stored = server.apply(scaled)
    stored["spec"]["replicas"] = stored["status"]["availableReplicas"] = 7

    assert verify.findings() == []
    server.objects["/api/v1/persistentvolumes/models-x"]["spec"]["claimRef"]["name"] = "another"
    assert [one[2] for one in verify.findings()] == ["spec.claimRef.name"]


def test_what_is_gone_is_missing(verify: Verify, server: ApiServer) -> None:
    del server.objects[DEPLOYMENT]

    code, out, err = verify.text()
    assert code == 1
    assert out == f"Deployment models/{MODEL}\n  missing: the cluster has no such object\n"
    assert "1 missing" in err


def test_a_job_that_is_done_and_removed_is_not_missing(verify: Verify, folder: Path) -> None:
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "x", "namespace": "models"}}
    (folder / "more.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")

    assert verify.findings() == []


def test_a_kind_that_the_cluster_does_not_serve_is_missing(verify: Verify, folder: Path) -> None:
    manifest = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor", "metadata": {"name": "x"}}
    (folder / "more.yaml").write_text(yaml.safe_dump(manifest), encoding="utf-8")

    _, out, _ = verify.text()
    assert "missing: the cluster serves no PodMonitor of monitoring.coreos.com/v1" in out


def test_an_object_with_our_labels_that_nobody_rendered_is_extra(verify: Verify, server: ApiServer) -> None:
    left = {
        **server.objects["/api/v1/namespaces/models/services/resnet-50"],
        "apiVersion": "v1",
        "kind": "Service",
    }
    server.apply({**left, "metadata": {**left["metadata"], "name": "old-model"}})
    owned = {**left["metadata"], "name": "made-by-a-controller", "ownerReferences": [{"controller": True}]}
    server.apply({**left, "metadata": owned})
    foreign = {**left["metadata"], "name": "another-platform", "labels": {"app.kubernetes.io/managed-by": "helm"}}
    server.apply({**left, "metadata": foreign})

    assert [one[:2] for one in verify.findings()] == [("Service/old-model", "extra")]


def test_extra_objects_are_found_on_every_page(verify: Verify, server: ApiServer) -> None:
    template = server.objects["/api/v1/namespaces/models/services/resnet-50"]
    for number in range(5):
        server.apply({**template, "metadata": {**template["metadata"], "name": f"old-{number}"}})
    server.page_objects = 2

    assert len([one for one in verify.findings() if one[1] == "extra"]) == 5


def test_a_rollout_that_does_not_finish_is_not_ready(verify: Verify, server: ApiServer) -> None:
    server.objects[DEPLOYMENT]["status"] = {
        "observedGeneration": 1,
        "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
        ],
    }

    _, out, _ = verify.text()
    assert "not ready: 0 of 1 replicas are ready" in out
    assert "not ready: Progressing is False: ProgressDeadlineExceeded timed out" in out


def test_the_manual_shows_what_is_printed(verify: Verify, server: ApiServer) -> None:
    live = server.objects[DEPLOYMENT]
    _two_replicas(live)
    _host_network(live)
    old = server.objects["/api/v1/namespaces/models/services/resnet-50"]
    server.apply({**old, "metadata": {**old["metadata"], "name": "old-model"}})

    _, out, _ = verify.text()
    assert f"```text\n{out}```" in MANUAL.read_text(encoding="utf-8")


def test_without_the_permission_to_update_the_rendered_fields_are_compared(verify: Verify, server: ApiServer) -> None:
    server.refused["PUT", "/"] = 403
    assert verify.findings() == []

    _less_memory(server.objects[DEPLOYMENT])
    _host_network(server.objects[DEPLOYMENT])
    (found,) = verify.findings()
    assert found[2] == f"{POD}.containers[engine].resources.limits.memory"
    _, _, err = verify.text()
    assert "by the rendered fields alone" in err


def test_a_field_that_cannot_change_is_compared_all_the_same(verify: Verify, server: ApiServer) -> None:
    server.objects[DEPLOYMENT]["spec"]["selector"]["matchLabels"] = {"ai-on-eks/model": "other"}

    (found,) = verify.findings()
    assert found[2] == "spec.selector.matchLabels[ai-on-eks/model]"


def test_an_object_that_may_not_be_read_is_said_to_be(verify: Verify, server: ApiServer) -> None:
    server.refused["GET", DEPLOYMENT] = 403

    assert [one[:2] for one in verify.findings()] == [(f"Deployment/{MODEL}", "unreadable")]


def test_an_answer_beyond_every_object_is_not_read(verify: Verify, server: ApiServer) -> None:
    server.bodies[DEPLOYMENT] = b'{"x": "' + b"x" * (9 * 2**20) + b'"}'

    _, out, _ = verify.text()
    assert "unreadable: the API server answers 200 an answer has more than 8,388,608 bytes" in out


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"[" * 100_000])
def test_an_answer_that_is_no_object_is_told(verify: Verify, server: ApiServer, body: bytes) -> None:
    server.bodies[DEPLOYMENT] = body

    _, out, _ = verify.text()
    assert "the answer is no JSON object" in out


def test_no_secret_is_asked_for(verify: Verify, server: ApiServer, folder: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "x", "namespace": "models"},
        "data": {"a": "b"},
    }
    (folder / "secret.yaml").write_text(yaml.safe_dump(secret), encoding="utf-8")

    assert verify.findings() == []
    assert not any("secrets" in path.split("/") for _method, path in server.requests)


def test_what_looks_like_a_credential_is_not_shown(verify: Verify, server: ApiServer) -> None:
    container = _container(server.objects[DEPLOYMENT])
    container["env"] = [*container.get("env", []), {"name": "PASSPHRASE_OF_MINE", "value": "open-sesame"}]
    container["args"] += ["--api-key", "open-sesame", "--note=hf_abcdefghijklmn"]
    server.objects["/api/v1/namespaces/models/configmaps/resnet-50-triton"]["data"]["more"] = "open-sesame"

    for answer in (*verify.text(), *verify.text("--json")):
        assert "open-sesame" not in str(answer)
        assert "hf_abc" not in str(answer)
    assert len(verify.findings()) == 5


def test_a_server_that_is_not_there_is_wrong_usage_and_no_drift(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with api_server() as gone:
        kubeconfig = gone.kubeconfig(tmp_path)
    assert main(["verify", str(folder), "--kubeconfig", kubeconfig, "--json"]) == 2
    assert _codes(capsys) == ["cluster-unreachable"]


def test_wrong_credentials_are_told_without_them(
    folder: Path, server: ApiServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kubeconfig = server.kubeconfig(tmp_path, token="wrong-token-of-somebody")  # noqa: S106 - of nobody
    assert main(["verify", str(folder), "--kubeconfig", kubeconfig]) == 2
    err = capsys.readouterr().err
    assert "cluster-unauthorized" in err
    assert "wrong-token" not in err


@pytest.mark.parametrize("text", ["", "users: [{", "token: open-sesame: x", "{}", "[]"])
def test_a_kubeconfig_that_leads_nowhere_is_wrong_usage(
    text: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    assert main(["verify", str(folder), "--kubeconfig", str(path), "--json"]) == 2
    err = capsys.readouterr().err
    assert [one["code"] for one in json.loads(err)["problems"]] == ["kubeconfig-not-usable"]
    assert "open-sesame" not in err


def _codes(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [one["code"] for one in json.loads(capsys.readouterr().err)["problems"]]

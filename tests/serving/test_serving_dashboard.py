"""The dashboard: what is on it, and that every panel has its place."""

from __future__ import annotations

from typing import Any

from serving_monitored import PLATFORM, monitored

from ai_on_eks.serving.monitoring.dashboard import dashboard

LLAMA = monitored("llama", engine="vllm", usd_per_hour=1.861)
RESNET = monitored("resnet", engine="triton", usd_per_hour=0.2)


def panels(*workloads: Any) -> dict[str, dict[str, Any]]:
    return {panel["title"]: panel for panel in dashboard(PLATFORM, workloads)["panels"]}


def test_load_cache_accelerators_and_dollars_per_million_tokens_stand_together() -> None:
    found = panels(LLAMA)
    assert {"Requests waiting", "KV cache in use", "GPU busy", "Dollars per million tokens written"} <= set(found)
    (target,) = found["Dollars per million tokens written"]["targets"]
    tokens = 'sum by (model) (rate(vllm:generation_tokens_total{namespace="models", model=~"llama"}[5m]))'
    assert target["expr"] == (
        f"max by (model) (ai_on_eks:model_usd_per_hour) / on (model) (({tokens}) > 0) / 3600 * 1e6"
    )


def test_a_model_that_writes_no_tokens_has_no_price_of_them() -> None:
    found = panels(RESNET)
    assert "Dollars per million tokens written" not in found
    assert "KV cache in use" not in found
    assert "Requests waiting" in found


def test_panels_fill_rows_of_three_and_do_not_overlap() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in dashboard(PLATFORM, [LLAMA])["panels"]]
    assert places[:4] == [(0, 0), (8, 0), (16, 0), (0, 8)]
    assert len(set(places)) == len(places)


def test_the_data_source_is_chosen_by_the_reader() -> None:
    document = dashboard(PLATFORM, [LLAMA])
    (variable,) = document["templating"]["list"]
    assert {panel["datasource"]["uid"] for panel in document["panels"]} == {"${" + variable["name"] + "}"}


def test_ids_of_grafana_have_at_most_forty_characters() -> None:
    named = PLATFORM.model_copy(update={"name": "a" * 32})
    assert len(dashboard(named, [LLAMA])["uid"]) <= 40

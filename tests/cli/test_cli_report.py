"""`ai-on-eks report`: one page that loads nothing, says everything as text too, and works in a browser."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from cli_running import MODELS, PLATFORM, run_here, write
from PIL import Image

from ai_on_eks.cli.main import main
from ai_on_eks.cli.report.bill import bill_section
from ai_on_eks.cli.report.html import bar, element, text
from ai_on_eks.cli.report.memory import PARTS
from ai_on_eks.cli.report.page import ASSETS, SECTIONS
from ai_on_eks.review.bill import Line
from ai_on_eks.review.cost import Bill
from ai_on_eks.units import GIB

MAX_BYTES = 3_000_000
LEAST_CONTRAST = 4.5
"""Of text against its ground (WCAG 2.2, 1.4.3)."""

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&\"'"


class Page(HTMLParser):
    """Elements with their attributes, and the text of each kind of element."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in {"meta", "input", "link", "br", "img"}:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, "elements are closed in their order"

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            self.texts[tag][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stacks, one of which waits for the other, as CDK writes them."""
    folder = tmp_path_factory.mktemp("project")
    cdk_out = folder / "cdk.out"
    cdk_out.mkdir()
    gateway = {"Resources": {"Nat": {"Type": "AWS::EC2::NatGateway", "Properties": {}}}}
    (cdk_out / "ai-network.template.json").write_text(json.dumps(gateway), encoding="utf-8")

    def stack(name: str, part: str, leaf: Mapping[str, object]) -> dict[str, object]:
        inner = {
            "id": part,
            "constructInfo": {"fqn": "aws-cdk-lib.aws_eks_v2.HelmChart"},
            "children": {"Resource": leaf},
        }
        return {"id": name, "constructInfo": {"fqn": "aws-cdk-lib.Stack"}, "children": {part: inner}}

    typed = {"id": "Resource", "attributes": {"aws:cdk:cloudformation:type": "AWS::EC2::NatGateway"}}
    custom = {"id": "Resource", "constructInfo": {"fqn": "aws-cdk-lib.CfnResource"}}
    stacks = {"ai-network": stack("ai-network", "Gateways", typed), "ai-addons": stack("ai-addons", HOSTILE, custom)}
    (cdk_out / "tree.json").write_text(json.dumps({"tree": {"id": "App", "children": stacks}}), encoding="utf-8")
    artifacts = {
        name: {"type": "aws:cloudformation:stack", "environment": "aws://1/us-east-1", "dependencies": before}
        for name, before in (("ai-network", []), ("ai-addons", ["ai-network"]))
    }
    (cdk_out / "manifest.json").write_text(json.dumps({"artifacts": artifacts}), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def source(synthesized: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of this repository's models."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    assert main(["report", PLATFORM, *MODELS, "-o", str(file), "--synthesized", str(synthesized)]) == 0
    return file.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_the_page_is_one_file_and_loads_nothing(source: str, page: Page) -> None:
    assert len(source.encode()) < MAX_BYTES
    assert page.all("link") == page.all("img") == page.all("iframe") == []
    assert [attributes for _, attributes in page.elements if "src" in attributes or "xlink:href" in attributes] == []
    assert [one["href"] for one in page.all("a") if not (one["href"] or "").startswith("#")] == []
    assert "url(" not in source
    assert "@import" not in source
    (policy,) = (one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_every_section_has_a_heading_and_a_link_to_it(page: Page) -> None:
    ids = {one["id"] for one in page.all("section")}
    assert ids == set(SECTIONS) == {(one["href"] or "").removeprefix("#") for one in page.all("a")} - {"content"}
    assert len(page.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(below - above <= 1 for above, below in pairwise(levels)), "no level is left out"


def test_what_is_drawn_is_told_and_can_be_reached(page: Page) -> None:
    assert [one for one in page.all("svg") if one.get("role") != "img" or not one.get("aria-label")] == []
    assert len(page.all("table")) == len(page.all("caption")) > 8
    assert all("scope" in one for one in page.all("th"))
    (field,) = page.all("input")
    assert field["id"] in {one["for"] for one in page.all("label")}
    assert {one.get("lang") for one in page.all("html")} == {"en"}
    assert page.all("a")[0] == {"class": "skip", "href": "#content"}
    assert [one for one in page.all("div") if one.get("class") == "scrolls" and one.get("tabindex") != "0"] == []


def test_the_bill_names_every_model_and_the_platform_and_never_nothing_for_the_unknown(page: Page) -> None:
    rows = [row for row in page.texts["tr"] if re.search(r"(models|platform).*(\$[\d,.]+|unknown)$", row)]
    assert sum(row.startswith("llama") for row in rows) == 2
    assert len(rows) > len(MODELS)
    (gateway,) = (row for row in rows if row.startswith("NAT gateways"))
    assert gateway.endswith("$32.85")


def test_every_part_of_the_bill_that_has_a_price_has_a_colour_of_the_picture() -> None:
    lines = [Line("models", "large", 500.0, "1 × g6.xlarge"), Line("platform", "logs", None, "4 × log group")]
    lines += [Line("platform", f"small {i}", 0.01, "1") for i in range(2)]
    bill = Bill(tuple(lines), region=None, price_regions=(), dates=None)
    html = str(bill_section(bill, has_platform=True))
    (picture,) = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert re.findall(r"part-\d", picture) == ["part-0", "part-1"]
    assert re.findall(r"part-\d", html.replace(picture, "")) == ["part-0", "part-1", "part-1"]
    assert "everything else: $0.02" in html


def test_the_memory_of_an_accelerator_is_the_sum_of_its_parts(capsys: pytest.CaptureFixture[str], page: Page) -> None:
    plan = run_here(capsys, "plan", MODELS[1], "--platform", PLATFORM, "--engines", "rendered", "--json").data["plans"][
        0
    ]
    rank = plan["chosen"]["per_accelerator"]
    (label,) = (
        one["aria-label"] or ""
        for one in page.all("svg")
        if (one["aria-label"] or "").startswith(f"{plan['model']}: weights")
    )
    sizes = [float(figure) for figure in re.findall(r"([\d.]+) GiB", label)]
    assert len(sizes) == len(PARTS)
    assert sum(sizes) == pytest.approx(rank["memory_bytes"] / GIB, abs=0.03)
    assert sizes[0] == pytest.approx(rank["weights_bytes"] / GIB, abs=0.006)
    assert sizes[4] == pytest.approx(rank["headroom_bytes"] / GIB, abs=0.006)


def test_the_architecture_has_every_stack_and_its_custom_resources(page: Page) -> None:
    rows = [row for row in page.texts["tr"] if row.startswith(("ai-network", "ai-addons"))]
    assert rows == ["ai-networknothingGateways1 × AWS::EC2::NatGateway", f"ai-addonsai-network{HOSTILE}1 × HelmChart"]


def test_text_of_strangers_stays_text(source: str, page: Page) -> None:
    assert "alert(1)" in source
    assert len(page.all("script")) == 2, "the data and our own"
    assert "onerror" not in {key for _, attributes in page.elements for key in attributes}
    assert element("p", text(HOSTILE), title=HOSTILE).count("<") == 2


def test_every_rejection_can_be_searched_for(capsys: pytest.CaptureFixture[str], source: str) -> None:
    (data,) = re.findall(r'<script type="application/json" id="rejection-data">(.*?)</script>', source, re.DOTALL)
    document = json.loads(data)
    plans = run_here(capsys, "plan", *MODELS, "--platform", PLATFORM, "--engines", "rendered", "--json").data["plans"]
    assert len(document["rows"]) == sum(len(plan["rejected"]) for plan in plans) > 1000
    first = [document["words"][place] for place in document["rows"][0]]
    assert (first[0], first[6]) == (plans[0]["model"], plans[0]["rejected"][0]["rule"])


STAND_IN = """
const nodes = {};
const node = () => ({ textContent: "", value: "", children: [], hidden: true, on: {},
  append(...given) { this.children.push(...given); }, replaceChildren(...given) { this.children = given; },
  addEventListener(name, called) { this.on[name] = called; } });
globalThis.document = { getElementById: (id) => nodes[id] ??= node(), createElement: node, querySelectorAll: () => [] };
globalThis.addEventListener = () => {};
document.getElementById("rejection-data").textContent = JSON.stringify(
  { words: ["llama", "g6.xlarge", "memory", "p5.4xlarge", "rule"], rows: [[0, 1, 2], [0, 3, 4], [0, 3, 2]] });
"""
"""As much of a browser as the script asks for."""


@pytest.mark.parametrize(
    ("words", "found"), [("", 3), ("MEMORY", 2), ("p5 memory", 1), ("g6.xlarge rule", 0), ("llama  p5", 2)]
)
def test_given_words_when_searched_then_rows_with_all_of_them_are_shown(words: str, found: int) -> None:
    node = shutil.which("node") or pytest.skip("there is no Node.js on the PATH")
    script = (ASSETS / "report.js").read_text(encoding="utf-8")
    asked = (
        'const field = document.getElementById("rejection-words");'
        f"field.value = {json.dumps(words)}; field.on.input();\n"
        "console.log(JSON.stringify([nodes['rejection-rows'].children.length, nodes['rejection-count'].textContent,"
        " nodes['rejection-search'].hidden]));"
    )
    done = subprocess.run([node, "-e", STAND_IN + script + asked], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [found, f"{found} of 3", False]


def luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["ink", "faint", "accent"])
@pytest.mark.parametrize("ground", ["paper", "card"])
def test_text_stands_out_from_its_ground_in_both_schemes(scheme: int, name: str, ground: str) -> None:
    style = (ASSETS / "report.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", style.split(":root {")[scheme + 1]))
    lighter, darker = sorted((luminance(colours[name]), luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST


def test_parts_of_a_bar_lie_side_by_side() -> None:
    drawn = Page(bar("a: 1; b: 3", [("a", 1.0), ("none", 0.0), ("b", 3.0)], 8.0))
    places = [(one["x"], one["width"], one["class"]) for one in drawn.all("rect")]
    assert places == [("0.00", "125.00", "part-0"), ("125.00", "375.00", "part-2")]


def test_given_no_synthesis_when_reported_then_it_is_told_how_to_get_the_rest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = str(tmp_path / "report.html")
    answer = run_here(capsys, "report", PLATFORM, MODELS[0], "-o", file, "--synthesized", str(tmp_path), "--json")
    assert (answer.code, answer.data["file"], answer.data["warnings"]) == (0, file, [])
    assert answer.data["size_bytes"] == Path(file).stat().st_size
    assert "run make synth" in Path(file).read_text(encoding="utf-8")


def test_given_a_synthesis_of_other_plans_when_reported_then_it_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, synthesized: Path
) -> None:
    folder = shutil.copytree(synthesized, tmp_path / "project")
    (folder / "build").mkdir()
    write(folder / "build", "plan.json", json.dumps({"plans": [{"model": "another", "chosen": {"nodes": 1}}]}))
    answer = run_here(
        capsys, "report", PLATFORM, MODELS[0], "-o", str(tmp_path / "r.html"), "--synthesized", str(folder), "--json"
    )
    assert re.search("synthesized from other plans.*make synth", answer.data["warnings"][0])


@pytest.fixture(scope="module")
def browser() -> list[str]:
    """Headless Chromium, Debian's package."""
    program = shutil.which("chromium") or pytest.skip("chromium is not installed (Debian package chromium)")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [program, "--headless=new", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1600", *sandbox]


def browse(browser: list[str], folder: Path, source: str, *options: str) -> str:
    """What the browser writes to stdout for the page."""
    file = folder / "report.html"
    file.write_text(source, encoding="utf-8")
    profile = f"--user-data-dir={folder / 'profile'}"
    done = subprocess.run(
        [*browser, profile, *options, file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout


@pytest.mark.parametrize(("scheme", "number", "least", "most"), [("dark", 0, 0, 70), ("light", 1, 200, 255)])
def test_the_browser_shows_the_page_in_the_reader_s_scheme(
    browser: list[str], tmp_path: Path, source: str, scheme: str, number: int, least: int, most: int
) -> None:
    picture = tmp_path / f"{scheme}.png"
    browse(browser, tmp_path, source, f"--blink-settings=preferredColorScheme={number}", f"--screenshot={picture}")
    with Image.open(io.BytesIO(picture.read_bytes())) as image:
        assert image.size == (1200, 1600)
        shades = image.convert("L").histogram()
        mean = sum(shade * count for shade, count in enumerate(shades)) / sum(shades)
        colours = image.convert("RGB").getcolors(2**20) or []
    assert least <= mean <= most
    assert len([count for count, _ in colours if count > 2000]) > 5, "bars of several colours are drawn"


def test_the_script_runs_in_the_browser(browser: list[str], tmp_path: Path, source: str) -> None:
    dom = browse(browser, tmp_path, source, "--dump-dom", "--virtual-time-budget=2000")
    shown = Page(dom[dom.index("<html") :])
    (count,) = (attributes for attributes in shown.all("p") if attributes.get("id") == "rejection-count")
    assert count["role"] == "status"
    assert re.search(r"[\d,]+ of [\d,]+, the first 200 shown", dom)


def printed_pages(browser: list[str], folder: Path, source: str) -> int:
    paper = folder / "report.pdf"
    browse(browser, folder, source, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def test_what_is_folded_is_printed_and_rejections_are_not_by_the_hundred(
    browser: list[str], tmp_path: Path, source: str
) -> None:
    folded = printed_pages(browser, tmp_path, source.replace("beforeprint", "never"))  # its hash no longer holds
    assert 2 <= folded < printed_pages(browser, tmp_path, source) <= 16

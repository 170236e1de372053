"""The HTML report: one page that needs nothing from elsewhere, repeats nothing, and can be read by everyone."""

import re
from html.parser import HTMLParser
from itertools import product
from pathlib import Path

import pytest

from webhook import VERSION
from webhook.cli import main as cli
from webhook.offline import report_html

DEPLOYMENT = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{template: {{spec: {{securityContext: {context}, volumes: {volumes}, containers: [{{name: main, image: i}}]}}}}}}
"""
HOST = "[{name: host, hostPath: {path: /}}]"
TEXT = ("text", "muted", "yes", "no", "warn", "link")
GROUNDS = ("ground", "raised")
TEMPLATE = Path(report_html.__file__).with_name("report.html").read_text()


def manifest(name: str, context: str = "{}", volumes: str = "[]", namespace: str = "kubeflow") -> str:
    return DEPLOYMENT.format(name=name, context=context, volumes=volumes, namespace=namespace)


ALL = (
    manifest("fine")
    + manifest("saved", context="{runAsUser: 1000}")
    + manifest("agent", volumes=HOST)
    + manifest("elsewhere", context="{runAsUser: 1000}", namespace="team")
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764547200")
    return tmp_path


def page(capfd: pytest.CaptureFixture[str], folder: Path, text: str, code: int = 1) -> str:
    (folder / "all.yaml").write_text(text)
    assert cli.main(["check", "--output=html", str(folder / "all.yaml")]) == code
    out, err = capfd.readouterr()
    assert err == ""
    return out


def palette(mode: str) -> dict[str, str]:
    """Return the colours of the template; dark ones replace light ones."""
    light, dark = (dict(re.findall(r"--(\w+): (#\w{6})", part)) for part in TEMPLATE.split("prefers-color-scheme"))
    return light if mode == "light" else {**light, **dark}


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours as WCAG 2.2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_has_aa_contrast(mode: str) -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    colours = palette(mode)
    ratios = {(text, on): contrast(colours[text], colours[on]) for text, on in product(TEXT, GROUNDS)}
    assert {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5} == {}
    assert contrast(colours["yes"], colours["ground"]) > 3 < contrast(colours["no"], colours["ground"])  # the bars
    assert contrast(colours["muted"], colours["ground"]) > 3  # the border of the filter


def test_every_colour_is_of_the_palette() -> None:
    rules = re.sub(r"--\w+: #\w{6};", "", TEMPLATE[: TEMPLATE.index("</style>")])
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgba?\(|opacity: \.", rules) == []


def test_it_says_of_what_it_is_when_it_was_made_and_by_which_version(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = page(capfd, folder, ALL)
    assert f"<p>all.yaml · 2025-12-01 00:00 UTC · kubeflow-openshift {VERSION}</p>" in out
    assert page(capfd, folder, ALL) == out


def test_it_opens_on_what_needs_doing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = page(capfd, folder, ALL)
    assert "2 of 4 pod templates stay rejected." in out
    headings = re.findall("<h2>(.*?)</h2>", out)
    assert headings == ["What needs doing", "Admitted with the webhook", "Admitted as they are", "By file"]
    opened = re.findall(r"<details data-filter open>\s*<summary><b>(.*?)</b>", out)
    assert opened == ["Deployment kubeflow/agent", "Deployment team/elsewhere"]
    assert "oc label namespace team kubeflow-openshift=enabled" in out
    assert "system:openshift:scc:hostmount-anyuid" in out.replace("&#39;", "'")


def test_nothing_needs_doing_where_all_is_admitted(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = page(capfd, folder, manifest("fine"), code=0)
    assert "OpenShift admits the pod template." in out
    assert re.findall("<h2>(.*?)</h2>", out) == ["Admitted as they are", "By file"]


def test_each_reason_is_there_once(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = page(capfd, folder, ALL)
    assert out.count("hostPath volumes are not allowed to be used") == 1
    assert out.count("spec.volumes[0]") == 1


def test_files_below_the_working_directory_are_relative(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = page(capfd, folder, ALL)
    assert ">all.yaml:5 " in out
    assert str(folder) not in out


def test_what_is_not_judged_and_what_is_warned_of_is_to_be_done(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    claim = "[{name: data, persistentVolumeClaim: {claimName: data}}]"
    (folder / "bad.yaml").write_text("a: [\n")
    (folder / "all.yaml").write_text(manifest("data", context="{fsGroup: 100}", volumes=claim))
    assert cli.main(["check", "--output=html", "."]) == 2
    out = capfd.readouterr().out
    todo = out[out.index("What needs doing") : out.index("By file")]
    assert "Not judged: bad.yaml:" in todo
    assert "Warning: fs-group: " in todo


def test_it_loads_nothing_and_escapes_what_manifests_say(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hostile = "<script>alert(1)</script>\"'>"
    out = page(capfd, folder, manifest(f"'{hostile.replace(chr(39), chr(39) * 2)}'", volumes=HOST))
    assert "<script>alert" not in out
    assert "&lt;script&gt;" in out
    assert "http" not in out
    assert re.findall(r"\b(?:src|href|url|import)\b", out) == []


class Tags(HTMLParser):
    """Collects the tags that are left open or closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - as inherited
        if tag not in ("meta", "br", "input", "li", "html"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("html", "li") and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)


def test_every_tag_is_closed_and_the_filter_is_only_there_with_its_script(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = page(capfd, folder, ALL)
    tags = Tags()
    tags.feed(out)
    assert (tags.open, tags.wrong) == ([], [])
    assert re.search(r'<input type="search"[^>]* hidden>', out)
    assert out.count("<script>") == 1

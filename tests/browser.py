"""Reads a report as a browser does: parsed, and in headless Chromium where there is one."""

import base64
import hashlib
import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Only a browser can show what it draws and refuses; it is no package that pip installs, so not every machine has one.
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs a browser: apt-get install chromium (Debian)")


class Page(HTMLParser):
    """Collects what a browser would see: elements, the text between them, scripts apart."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.scripts, self.text, self._inside = [], [], [], None
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "script":
            self.scripts.append([dict(attrs), ""])

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts[-1][1] += data
        elif self._inside != "style":
            self.text.append(data)

    def policy(self):
        return next(a["content"] for t, a in self.elements if a.get("http-equiv") == "Content-Security-Policy")

    def data(self):
        return {a["data-figure"]: json.loads(body) for a, body in self.scripts if a.get("type") == "application/json"}


def browse(html, folder, width=1200, dark=False):
    """Return what Chromium says on its console and the page after its scripts have run."""
    file = folder / "report.html"
    file.write_text(html, encoding="utf-8")
    command = [
        CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--v=0", f"--window-size={width},900",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--virtual-time-budget=10000", "--dump-dom",
        file.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=True)
    return [line for line in done.stderr.splitlines() if "CONSOLE" in line], done.stdout


def driven(html, script):
    """Return the page with a script of the test's own, which the page's policy is made to name."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    named = html.replace("script-src &#39;sha256-", f"script-src &#39;sha256-{digest}&#39; &#39;sha256-", 1)
    assert named != html
    before, end, after = named.rpartition("</body>")
    return f"{before}<script>{script}</script>{end}{after}"


def _axe():
    """Return the source of axe-core, which npm installs; None where it is not there."""
    npm = shutil.which("npm")
    root = subprocess.run([npm, "root", "--global"], capture_output=True, text=True, check=False).stdout if npm else ""
    file = Path(root.strip(), "axe-core", "axe.min.js")
    return file.read_text(encoding="utf-8") if root and file.is_file() else None


AXE = _axe() if CHROMIUM else None
# It looks at a page as a screen reader and a reader of weak sight would; no package that pip installs does.
needs_axe = pytest.mark.skipif(not AXE, reason="needs a browser and axe-core: npm install --global axe-core")
_JUDGE = """
axe.run(document, {resultTypes: ["violations"]}).then(result => {
  const place = document.createElement("p");
  place.id = "judged";
  place.textContent = JSON.stringify(result.violations.map(each =>
    [each.impact, each.id, ...each.nodes.slice(0, 3).map(node => node.html.slice(0, 200))]));
  document.body.append(place);
});
"""


def judged(html, folder, width=1200, dark=False):
    """Return what axe finds that is serious or critical: rule and places."""
    script = f"{AXE}\n{_JUDGE}".replace("</script", "<\\/script").replace("<!--", "<\\!--")
    console, dom = browse(driven(html, script), folder, width, dark)
    assert console == []
    found = json.loads(unescape(re.search(r'<p id="judged">(.*?)</p>', dom, re.DOTALL)[1]))
    return [fault for fault in found if fault[0] in ("serious", "critical")]


def drawn(dom):
    """Return for each figure how many marks its SVG holds."""
    parts = re.split(r'<div class="chart[^"]*" id="([\w-]+)"', dom)
    svgs = {
        key: re.search(r"<svg.*?</svg>", body, re.DOTALL) for key, body in zip(parts[1::2], parts[2::2], strict=True)
    }
    return {key: len(re.findall(r'<path aria-label="', svg[0])) if svg else 0 for key, svg in svgs.items()}

"""Open reports of `admix sweep report` in headless Chromium and hold what a reader needs of them.

    python tests/peers/report.py OUT REPORT.html...

From disk, in light, dark and narrow windows and in print: no console error, no request to anywhere, every section has its
figure or table with a size, the Tab key reaches every figure and every table head once, arrow keys go from mark to mark,
the value of the mark is shown, tables sort. Writes screenshots and a PDF into OUT to be looked at. Exits 1 on a fault.

Needs Chromium (`chromium` or $CHROMIUM) and nothing else.
"""

import base64
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe",
]


class Browser:
    """Chromium behind a pair of pipes, which carry its debugging protocol."""

    def __init__(self, profile):
        # Chromium reads from 3 and writes to 4: these ends stay clear of both.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (*os.pipe(), *os.pipe())]
        read_end, self.write, self.read, write_end = ends

        def pipes():
            os.dup2(read_end, 3)
            os.dup2(write_end, 4)

        command = [os.environ.get("CHROMIUM", "chromium"), *FLAGS, f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(command, preexec_fn=pipes, close_fds=False, stderr=subprocess.DEVNULL)
        self.rest, self.number, self.events, self.session = b"", 0, [], None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def message(self):
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 20)
            if not part:
                sys.exit("error: the browser ended")
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        while True:
            found = self.message()
            if found.get("id") == self.number:
                if "error" in found:
                    sys.exit(f"error: {method}: {found['error']}")
                return found["result"]
            self.events.append(found)

    def value(self, expression):
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"error: {expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, path, width, scheme, media=""):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.send("Page.navigate", url=path.resolve().as_uri())
        until = time.time() + 60
        while self.value("document.readyState + document.URL.startsWith('file:')") != "completetrue":
            assert time.time() < until, "the page does not load"
            time.sleep(0.05)

    def screenshot(self, path, whole):
        picture = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(picture["data"]))

    def whole_page(self, path, width):
        height = self.value("document.documentElement.scrollHeight")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=min(height, 6000), deviceScaleFactor=1, mobile=False)
        self.screenshot(path, False)

    def key(self, key, code):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)


def faults_of_events(events):
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.exceptionThrown":
            yield f"exception: {params['exceptionDetails'].get('text')}"
        if method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            yield f"console: {params['args']}"
        if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            yield f"log: {params['entry']['text']}"
        if method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith(("file:", "about:", "data:", "blob:")):
                yield f"request: {url}"


SECTIONS = """[...document.querySelectorAll("h2")].map(head => {
  const parts = [];
  for (let next = head.nextElementSibling; next && next.tagName !== "H2"; next = next.nextElementSibling) parts.push(next);
  const found = parts.flatMap(part => [part, ...part.querySelectorAll("svg.figure,table,details")])
    .filter(part => part.matches("svg.figure,table,details")).map(part => part.getBoundingClientRect());
  return [head.textContent, found.length, found.every(box => box.width > 40 && box.height > 10)];
})"""
ACTIVE = """(() => { const at = document.activeElement;
  const figure = at.closest("svg.figure"), head = at.closest("th");
  if (figure) return "figure " + [...document.querySelectorAll("svg.figure")].indexOf(figure);
  if (head) return "head " + [...document.querySelectorAll("th")].indexOf(head);
  return at.tagName.toLowerCase(); })()"""
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def check(browser, path, out):
    faults = []
    began = time.time()
    browser.open(path, 1200, "light")
    seconds = time.time() - began
    for head, count, sized in browser.value(SECTIONS):
        if count == 0 or not sized:
            faults.append(f"the section {head!r} has {count} figures or tables, sized: {sized}")
    figures = browser.value("document.querySelectorAll('svg.figure').length")
    heads = browser.value("document.querySelectorAll('th button').length")
    untitled = browser.value("[...document.querySelectorAll('svg.figure')].filter(f => !f.querySelector('title,desc')).length")
    if untitled:
        faults.append(f"{untitled} figures have no title")
    if "NaN" in browser.value("[...document.querySelectorAll('svg')].map(f => f.outerHTML).join('')"):
        faults.append("a figure has NaN in it")
    stops = []
    for _ in range(figures + heads + 200):
        browser.key("Tab", 9)
        stop = browser.value(ACTIVE)
        if stop == "body":
            break
        stops.append(stop)
    for kind, count in (("figure", browser.value("document.querySelectorAll('svg.figure:has([tabindex])').length")), ("head", heads)):
        reached = [stop for stop in stops if stop.startswith(kind)]
        if len(reached) != count or len(set(reached)) != count:
            faults.append(f"Tab reaches {len(set(reached))} of {count} ({kind}) in {len(reached)} stops")
    browser.value("document.querySelector('svg.figure [tabindex=\"0\"]').focus()")
    first = browser.value("document.activeElement.querySelector('title').textContent")
    for key, code in (("ArrowRight", 39), ("ArrowDown", 40), ("ArrowRight", 39)):
        browser.key(key, code)
    second = browser.value("document.activeElement.querySelector('title').textContent")
    tip = browser.value("(t => t.style.display === 'block' ? t.textContent : '')(document.getElementById('tip'))")
    if first == second or tip != second:
        faults.append(f"arrows go from {first!r} to {second!r} and {tip!r} is shown")
    order = "[...document.querySelector('table.sortable').tBodies[0].rows].map(row => row.cells[0].textContent).join()"
    button = "document.querySelectorAll('table.sortable th button')[1]"
    before = browser.value(order)
    browser.value(f"{button}.click()")
    values = browser.value("[...document.querySelector('table.sortable').tBodies[0].rows].map(row => +row.cells[1].dataset.value)")
    if values != sorted(values, reverse=True) or (before == browser.value(order) and len(values) > 3 and len(set(values)) > 2):
        faults.append("a click does not sort the table")
    name = path.stem
    browser.open(path, 1200, "light")
    browser.whole_page(out / f"{name}-light.png", 1200)
    browser.open(path, 1200, "dark")
    browser.whole_page(out / f"{name}-dark.png", 1200)
    browser.open(path, 420, "light")
    if browser.value(OVERFLOW) > 0:
        faults.append(f"a narrow window is {browser.value(OVERFLOW)} pixels too wide")
    browser.screenshot(out / f"{name}-narrow.png", False)
    browser.open(path, 1200, "dark", "print")
    ground = browser.value("getComputedStyle(document.body).backgroundColor")
    if ground != "rgb(255, 255, 255)":
        faults.append(f"print has the ground {ground}")
    document = browser.send("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
    (out / f"{name}.pdf").write_bytes(base64.b64decode(document["data"]))
    faults += faults_of_events(browser.events)
    browser.events.clear()
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB, {figures} figures, {len(stops)} stops of Tab, loads in {seconds:.1f} s")
    for fault in faults:
        print(f"  {fault}")
    return not faults


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(profile)
        good = [check(browser, Path(path), out) for path in sys.argv[2:]]
        browser.process.terminate()
        browser.process.wait()
    sys.exit(0 if all(good) else 1)


main()

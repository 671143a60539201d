"""Headless Chromium for a test: chromedriver and its WebDriver protocol over the standard library.

    browser = Browser()            # one process each of chromedriver and chromium
    browser.open("http://127.0.0.1:9464/")
    browser.script("return document.title")
    browser.devtools("Emulation.setEmulatedMedia", features=[...])   # the DevTools protocol
    browser.close()

Chromium asks nobody but loopback: names are not resolved, and what it does beside the page is off.
Both programs end with the test, also when it is killed.
"""

import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

import harness  # noqa: E402

DRIVER, CHROMIUM = "chromedriver", "chromium"

# --no-sandbox: tests run as root in containers, where Chromium refuses to start with one, and it sees
# nothing but pages of ours. The pipe: Chromium ends when the driver does. Without fonts' hinting and
# with sRGB a picture is the same on each machine.
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
    "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--no-first-run", "--no-default-browser-check",
    "--hide-scrollbars", "--font-render-hinting=none", "--force-color-profile=srgb")
_START_S = 60

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}


def missing():
    """What is not installed, for a test that is skipped then; "" where all is there."""
    return ", ".join(program for program in (CHROMIUM, DRIVER) if not shutil.which(program))


def main():
    """In place of harness.main()."""
    if missing():
        print(f"skipped: {missing()} missing: Debian packages chromium, chromium-driver"
              " (deploy/install-dependencies --for test)")
        sys.exit(harness.SKIPPED)
    harness.main()


class Browser:
    def __init__(self, width=1280, height=900):
        self._home = tempfile.TemporaryDirectory(prefix="millrace-browser-", ignore_cleanup_errors=True)
        self._log_path = os.path.join(self._home.name, "log")
        self._session = None
        environment = {**os.environ, "TMPDIR": self._home.name, "HOME": self._home.name}
        with open(self._log_path, "wb") as log:
            self._driver = subprocess.Popen(
                [*harness.dies_with_us(), DRIVER, "--port=0"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=environment)
        try:
            self._port = int(harness.eventually(self._started, "chromedriver", _START_S)[1])
            options = {"binary": shutil.which(CHROMIUM), "args": [*_ARGUMENTS, f"--window-size={width},{height}"]}
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": options,
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}}})
            self._session = f"/session/{answer['sessionId']}"
            self._ask("POST", self._session + "/timeouts", {"script": 30_000, "pageLoad": 30_000})
        except BaseException:
            self.close()
            raise
        self.size(width, height)

    def _started(self):
        if self._driver.poll() is not None:
            raise AssertionError(f"chromedriver ended with {self._driver.returncode}:\n{self._log()}")
        return re.search(r"started successfully on port (\d+)", self._log())

    def _log(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_START_S)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None,
                               {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{method} {path}: {value['error']}: {value['message']}")
        return value

    def _of_session(self, path, body):
        return self._ask("POST", self._session + path, body)

    def close(self):
        try:
            if self._session:
                self._ask("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait()
            self._home.cleanup()

    # --- a page

    def open(self, url):
        """Back when the page and what its head names are there; its first figures come later."""
        self._of_session("/url", {"url": url})

    def script(self, text, *arguments):
        """What the body of a function gives back."""
        return self._of_session("/execute/sync", {"script": text, "args": list(arguments)})

    def eventually(self, text, *arguments, deadline_s=None):
        """The first true value of the script."""
        return harness.eventually(lambda: self.script(text, *arguments), text, deadline_s)

    def devtools(self, method, **parameters):
        return self._of_session("/goog/cdp/execute", {"cmd": method, "params": parameters})

    def press(self, key, shift=False):
        code = KEYS.get(key)
        event = {"key": key, "modifiers": 8 if shift else 0}
        if code is None:
            event.update(text=key, unmodifiedText=key)
        else:
            event.update(code=key, windowsVirtualKeyCode=code)
            if key == "Enter":
                event["text"] = "\r"
        self.devtools("Input.dispatchKeyEvent", type="keyDown", **event)
        self.devtools("Input.dispatchKeyEvent", type="keyUp", **{key: value for key, value in event.items()
                                                                  if key not in ("text", "unmodifiedText")})

    # --- what it pretends to be

    def size(self, width, height, phone=False):
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=2 if phone else 1, mobile=phone)

    def prefer(self, **features):
        """prefer(color_scheme="dark"), prefer(reduced_motion="reduce"); nothing: as it was."""
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-" + name.replace("_", "-"), "value": value} for name, value in features.items()])

    def before_each_page(self, text):
        """A script that runs before the page's own, whose policy does not hold for it; gives back its id."""
        return self.devtools("Page.addScriptToEvaluateOnNewDocument", source=text)["identifier"]

    def not_before_each_page(self, identifier):
        self.devtools("Page.removeScriptToEvaluateOnNewDocument", identifier=identifier)

    # --- what it has seen

    def console(self):
        """Messages since the last call: what scripts wrote, failed loads, violations of the policy."""
        return self._of_session("/se/log", {"type": "browser"})

    def network(self):
        """Network events of DevTools since the last call, as (method, parameters)."""
        events = [json.loads(entry["message"])["message"]
                  for entry in self._of_session("/se/log", {"type": "performance"})]
        return [(event["method"], event["params"]) for event in events if event["method"].startswith("Network.")]

    def picture(self, path, whole_page=False):
        # Two frames: what a script has just changed is drawn.
        self.script("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        shot = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=whole_page,
                             **({"clip": self._whole()} if whole_page else {}))
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def _whole(self):
        size = self.script("const e = document.documentElement; return [e.clientWidth, e.scrollHeight]")
        return {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1}


def wall_clock_ms():
    """Comparable to Date.now() of a page."""
    return time.time() * 1000

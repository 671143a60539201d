"""What deploy/ has for systemd, the kernel, manual pages and shells, looked at with the tools that read it. Nothing is started."""

import json
import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

import harness  # noqa: E402

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
SYSTEMD = DEPLOY / "systemd"
UNIT = SYSTEMD / "millrace.service"
EXPOSURE_MAX = 2.0


def values(unit, key):
    return re.findall(rf"^{key}=(.*)$", unit.read_text(encoding="utf-8"), re.M)


class UnitTest(harness.Case):
    def exposure(self, text):
        """The number that `systemd-analyze security` ends with, for a unit of this text."""
        path = os.path.join(self.folder(), "millrace.service")
        pathlib.Path(path).write_text(text, encoding="utf-8")
        said = self.run_program(harness.need("systemd-analyze"), "security", "--offline=true", "--no-pager", path)
        return float(re.search(r"Overall exposure level for millrace.service: ([\d.]+)", said)[1]), said

    def test_the_exposure_is_at_most_two(self):
        exposure, said = self.exposure(UNIT.read_text(encoding="utf-8"))
        print(f"systemd-analyze security: {exposure}")
        self.assertLessEqual(exposure, EXPOSURE_MAX, said)

    def test_every_directive_of_the_sandbox_counts_or_is_explained(self):
        """Without one of them the exposure is no lower; docs/packages.md names each."""
        text = UNIT.read_text(encoding="utf-8")
        document = (DEPLOY.parent / "docs/packages.md").read_text(encoding="utf-8")
        exposure, _ = self.exposure(text)
        for line in re.findall(r"^(?:Protect|Private|Restrict|Lock|Memory|NoNew|System|Device|Keyring|Remove|Cap|Ambient|UMask).*=.*$", text, re.M):
            key = line.partition("=")[0]
            self.assertTrue(f"`{key}=" in document, f"docs/packages.md does not name {key}")
            without, _ = self.exposure(text.replace(line + "\n", ""))
            # Rights that are given, and not taken away.
            if not line.startswith(("AmbientCapabilities=", "SystemCallFilter=capset")):
                self.assertGreaterEqual(without, exposure, line)

    def test_an_override_without_low_ports_is_better_still(self):
        text = UNIT.read_text(encoding="utf-8")
        for key in ("AmbientCapabilities", "CapabilityBoundingSet"):
            text = re.sub(rf"^{key}=.*$", f"{key}=", text, flags=re.M)
        self.assertLess(self.exposure(text)[0], self.exposure(UNIT.read_text(encoding="utf-8"))[0])

    def verify(self, **names):
        """systemd-analyze verify over copies; the program and the user need not be on this machine."""
        folder = pathlib.Path(self.folder())
        for name, source in names.items():
            text = source.read_text(encoding="utf-8").replace("/usr/bin/millrace", harness.BINARY)
            (folder / name.replace("__", ".").replace("_", "-")).write_text(text, encoding="utf-8")
        done = subprocess.run([harness.need("systemd-analyze"), "verify", "--man=no", *map(str, folder.iterdir())],
                              capture_output=True, text=True, check=False)
        # Other units of this machine are read on the way and are none of ours.
        return [line for line in done.stderr.splitlines() if "millrace" in line]

    def test_systemd_reads_every_line(self):
        self.assertEqual(self.verify(millrace__service=UNIT, millrace__socket=SYSTEMD / "millrace.socket"), [])
        self.assertEqual(self.verify(millrace_dpdk__service=SYSTEMD / "millrace-dpdk.service.example"), [])

    def test_a_wrong_line_would_be_seen(self):
        broken = pathlib.Path(self.folder()) / "broken"
        broken.write_text(UNIT.read_text(encoding="utf-8").replace("PrivateTmp=yes", "PrivateTemp=yes"), encoding="utf-8")
        self.assertRegex("\n".join(self.verify(millrace__service=broken)), "Unknown key.*PrivateTemp")

    def test_the_override_is_right_when_all_of_it_is_switched_on(self):
        text = re.sub(r"^#(\w+=)", r"\1", (SYSTEMD / "override.conf.example").read_text(encoding="utf-8"), flags=re.M)
        self.assertGreaterEqual(text.count("="), 10)
        whole = pathlib.Path(self.folder()) / "whole"
        whole.write_text(UNIT.read_text(encoding="utf-8").replace("\n[Install]", f"\n{text}\n[Install]"), encoding="utf-8")
        self.assertEqual(self.verify(millrace__service=whole), [])

    def test_there_is_time_for_the_default_drain(self):
        effective = pathlib.Path(self.folder()) / "least.yaml"
        effective.write_text("listeners: [{name: a, bind: '127.0.0.1:1', upstream: u}]\n"
                             "upstreams: [{name: u, endpoints: [{address: '127.0.0.1:2'}]}]\n", encoding="ascii")
        said = self.run_program(harness.BINARY, "check", "-c", str(effective), "--effective")
        drain = int(re.search(r"drain: (\d+)s", said)[1])
        for unit in (UNIT, SYSTEMD / "millrace-dpdk.service.example"):
            timeout, = values(unit, "TimeoutStopSec")
            self.assertGreater(int(timeout), drain)

    def test_the_socket_is_where_the_default_configuration_listens(self):
        default = (DEPLOY / "debian/millrace.yaml").read_text(encoding="utf-8")
        for address in values(SYSTEMD / "millrace.socket", "ListenStream"):
            self.assertIn(f"bind: {address}\n", default)
        self.assertEqual(values(SYSTEMD / "millrace.socket", "ListenStream"), re.findall(r"^    bind: (\S+)$", default, re.M))


class KernelTest(harness.Case):
    def settings(self):
        text = (DEPLOY / "sysctl/60-millrace.conf").read_text(encoding="utf-8")
        return re.findall(r"^(#?)-?([a-z][\w.-]+) = (.+)$", text, re.M)

    def test_every_setting_is_there_and_has_its_reason(self):
        text = (DEPLOY / "sysctl/60-millrace.conf").read_text(encoding="utf-8")
        settings = self.settings()
        self.assertGreaterEqual(len(settings), 8)
        for _, name, _ in settings:
            path = pathlib.Path("/proc/sys", *name.split("."))
            # net.core.* are hidden in a network namespace that is not the first.
            self.assertTrue(path.exists() or name.startswith("net.core."), name)
        # The head, and then a comment and its settings.
        for block in text.strip().split("\n\n")[1:]:
            lines = block.splitlines()
            self.assertTrue(lines[0].startswith("# "), block)
            self.assertTrue(re.match(r"#?-?[a-z][\w.-]+ = ", lines[-1]), block)

    def test_what_is_on_leaves_other_programs_alone(self):
        active = {name for off, name, _ in self.settings() if not off}
        self.assertEqual(active, {"net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_migrate_req",
                                  "fs.pipe-user-pages-soft"})

    def test_limits_are_those_of_the_unit(self):
        limits = dict(re.findall(r"^millrace\s+-\s+(\w+)\s+(\d+)$", (DEPLOY / "limits/millrace.conf").read_text(), re.M))
        nofile, = values(UNIT, "LimitNOFILE")
        memlock, = values(UNIT, "LimitMEMLOCK")
        self.assertEqual(limits, {"nofile": nofile, "memlock": str(int(memlock.removesuffix("M")) * 1024)})


class ManTest(harness.Case):
    def pages(self):
        """Paths of all five, made as the package makes them."""
        folder = pathlib.Path(self.folder())
        for source in (DEPLOY / "man").glob("*.in"):
            text = source.read_text(encoding="utf-8").replace("@DATE@", "2026-11-28").replace("@VERSION@", "0.1.0")
            self.assertNotIn("@", text)
            (folder / source.stem).write_text(text, encoding="utf-8")
        for kind, name in (("config", "millrace.yaml.5"), ("metrics", "millrace-metrics.7")):
            (folder / name).write_text(self.generated(kind), encoding="utf-8")
        pages = sorted(folder.iterdir())
        self.assertEqual([page.name for page in pages], ["millrace-ctl.1", "millrace-metrics.7", "millrace-top.1", "millrace.1",
                                                         "millrace.yaml.5"])
        return pages

    def generated(self, kind, text=None):
        source = {"config": self.run_program(harness.BINARY, "schema"),
                  "metrics": (DEPLOY.parent / "docs/metrics.md").read_text(encoding="utf-8")}[kind]
        done = subprocess.run([sys.executable, "-B", DEPLOY / "man/generate.py", kind, "0.1.0", "2026-11-28"],
                              input=(text or source).encode(), capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def test_mandoc_has_nothing_to_say(self):
        for page in self.pages():
            done = subprocess.run([harness.need("mandoc"), "-T", "lint", "-W", "warning", page], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.stdout + done.stderr, "", page)

    def test_every_key_of_the_schema_and_every_metric_has_its_place(self):
        text = self.generated("config")

        def walk(node, path):
            for name, child in node.get("properties", {}).items():
                here = f"{path}.{name}" if path else name
                self.assertIn(f"\n.B {here.replace('-', chr(92) + '-')}\n", text)
                walk(child, here)
                if "items" in child:
                    walk(child["items"], here + "[]")

        walk(json.loads(self.run_program(harness.BINARY, "schema")), "")
        page = self.generated("metrics")
        names = re.findall(r"^\| `(\w+)` \| (?:counter|gauge|histogram)", (DEPLOY.parent / "docs/metrics.md").read_text(), re.M)
        self.assertGreater(len(names), 50)
        for name in names:
            self.assertIn(f"\n.B {name}\n", page)

    def test_the_main_page_has_every_command_of_the_program(self):
        page = next(page for page in self.pages() if page.name == "millrace.1").read_text(encoding="utf-8")
        commands = re.search(r"Subcommands:\n(.*?)\n\n", self.run_program(harness.BINARY, "--help"), re.S)[1]
        for command in re.findall(r"^  (\w+)", commands, re.M):
            self.assertRegex(page, rf"\n\.BR? {command}\b")


# What somebody types, and words that must be among what is offered, or "" for none at all.
COMPLETIONS = (
    ("millrace ", "run check ctl top demo schema doctor health version"),
    ("millrace ch", "check"),
    ("millrace demo --transport ", "auto epoll io_uring"),
    ("millrace ctl ", "status config listeners upstreams endpoints endpoint sessions session pools workers reload drain log-level"),
    ("millrace ctl --json config ", "show diff"),
    ("millrace ctl --socket /x log-level ", "debug info warning error"),
    ("millrace ctl endpoint app 10.0.0.7:80 ", "ready drain maintenance weight"),
    ("millrace ctl sessions --", "--listener --upstream --endpoint --client --limit --all"),
    ("millrace ctl session ", "show end"),
    ("millrace ctl reload --", "--keep-overrides"),
    ("millrace check --", "--config --effective"),
    ("millrace top --", "--url --socket --token-file --interval"),
)


# Whatever is offered to the user goes through compadd; Ctrl-T asks for the list and says when it is complete.
ZSH_START = r"""
fpath=($PWD $fpath)
autoload -Uz compinit
compinit -u -D
compadd() {
    # With these it only fills arrays of the function that calls it.
    [[ " $* " == *" -"[OAD]" "* ]] && { builtin compadd "$@"; return }
    local -a found
    builtin compadd -O found "$@"
    print -rl -- $found >>$HOME/offered
    builtin compadd "$@"
}
list_and_say() { zle list-choices; : >$HOME/done }
zle -N list_and_say
bindkey -e
bindkey '^T' list_and_say
: >$HOME/ready
"""


def drain(descriptor):
    """Until the other end is closed."""
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass


class CompletionTest(harness.Case):
    def check(self, offered):
        for typed, wanted in COMPLETIONS:
            words = offered(typed)
            self.assertLessEqual(set(wanted.split()), set(words), typed)
        self.assertFalse({"run", "show", "debug"} & set(offered("millrace ctl endpoint app 10.0.0.7:80 ")))

    def test_bash(self):
        script = (f'source {DEPLOY}/completion/millrace.bash; COMP_LINE=$1; COMP_POINT=${{#1}}; _millrace;'
                  ' printf "%s\\n" "${COMPREPLY[@]}"')
        self.check(lambda typed: self.run_program("bash", "-c", script, "bash", typed).split())
        # readline takes the colon for the end of a word.
        self.assertEqual(self.run_program("bash", "-c", script, "bash", "millrace health --address 127.0.0.1:94").split(), ["9464"])
        self.assertIn(f"{SYSTEMD}/millrace.service",
                      self.run_program("bash", "-c", script, "bash", f"millrace run -c {SYSTEMD}/mill").split())

    def test_fish(self):
        def offered(typed):
            said = self.run_program(harness.need("fish"), "--no-config", "-c",
                                    f"source {DEPLOY}/completion/millrace.fish; complete -C '{typed}'",
                                    env=dict(os.environ, HOME=self.folder()))
            return [line.split("\t")[0] for line in said.splitlines()]

        self.check(offered)

    def test_zsh(self):
        """zsh completes in its line editor only, so one is given a terminal."""
        folder = pathlib.Path(self.folder())
        shutil.copy(DEPLOY / "completion/_millrace", folder)
        (folder / "start").write_text(ZSH_START, encoding="utf-8")
        shell, terminal = pty.openpty()
        process = subprocess.Popen([*harness.dies_with_us(), harness.need("zsh"), "-f", "-i"], stdin=terminal, stdout=terminal,
                                   stderr=terminal, cwd=folder, env=dict(os.environ, TERM="vt100", HOME=str(folder)))
        os.close(terminal)
        # What it draws is read, so that it never waits, and not looked at.
        reader = threading.Thread(target=drain, args=(shell,), daemon=True)
        reader.start()
        os.write(shell, b"source ./start\n")
        harness.eventually((folder / "ready").exists, "zsh has read its configuration")

        def offered(typed):
            (folder / "offered").unlink(missing_ok=True)
            (folder / "done").unlink(missing_ok=True)
            os.write(shell, b"\x15" + typed.encode() + b"\x14")  # Ctrl-U, the words, Ctrl-T.
            harness.eventually((folder / "done").exists, f"an answer to {typed!r}")
            path = folder / "offered"
            return path.read_text(encoding="utf-8").split() if path.exists() else []

        try:
            self.check(offered)
        finally:
            process.kill()
            process.wait()
            reader.join()
            os.close(shell)


if __name__ == "__main__":
    harness.main()

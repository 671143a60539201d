"""The image's own commands as a container runs them, without an engine: process 1 of a PID namespace, user 65532
without a capability, a root that is read only and has nothing but /usr of this machine, the program and its
configuration. What an engine would add is the image's file system."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import configuration  # noqa: F401  Finds harness.
import harness
import image_test

TREE = pathlib.Path(__file__).resolve().parents[2]
USER = ("--reuid=65532", "--regid=65532", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
CONFIG = """listeners:
  - {name: web, bind: 127.0.0.1:%d, upstream: web}
upstreams:
  - name: web
    endpoints: [{address: 127.0.0.1:9}]
metrics: {bind: 127.0.0.1:%d}
shutdown: {drain: 1s}
"""
# Runs as process 1 of the namespace: builds the root and becomes the program. $1: the root's folder, $2: the one
# of configurations, $3: the tree, $4: the program. What follows is the image's command.
ENTER = r"""
set -eu
root=$1 configs=$2 tree=$3 program=$4
shift 4
ip link set lo up
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
mkdir "$root/usr" "$root/etc" "$root/etc/millrace" "$root/proc" "$root/dev" "$root/run" "$root/run/millrace" "$root/app"
for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
touch "$root/app/millrace" "$root/app/reload-on-change" "$root/dev/null"
mount --bind -o ro /usr "$root/usr"
mount --bind -o ro "$configs" "$root/etc/millrace"
mount --bind "$program" "$root/app/millrace"
mount --bind "$tree/deploy/docker/reload-on-change" "$root/app/reload-on-change"
mount --bind /dev/null "$root/dev/null"
mount -t proc proc "$root/proc"
mount -t tmpfs -o uid=65532,gid=65532,mode=0750 tmpfs "$root/run/millrace"
mount -o remount,ro "$root"
exec chroot "$root" "$@"
"""


def in_app(command):
    """The image's command with the paths of this root."""
    return ["/app/" + command[0].removeprefix("/usr/bin/"), *command[1:]]


class Container:
    """`docker run --read-only --user 65532 --cap-drop ALL` of the image's command, with a folder of configurations
    that is laid out as a kubelet does it."""

    def __init__(self, case, text):
        self._folder = case.folder()
        self.configs = os.path.join(self._folder, "configs")
        root = os.path.join(self._folder, "root")
        for path in (self.configs, root):
            os.mkdir(path)
        os.chmod(self._folder, 0o755)
        self._versions = 0
        self.put(text)
        os.symlink("..data/millrace.yaml", os.path.join(self.configs, "millrace.yaml"))
        # A copy that anybody may read: the build's folder may be private.
        program = shutil.copy(harness.BINARY, os.path.join(self._folder, "millrace"))
        os.chmod(program, 0o755)
        self._final = image_test.stages()[1]
        command = self.image_command("ENTRYPOINT") + self.image_command("CMD")
        self._log_path = os.path.join(self._folder, "stderr")
        with open(self._log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*harness.dies_with_us(), "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--",
                 "sh", "-c", ENTER, "enter", root, self.configs, TREE, program, "setpriv", *USER, *in_app(command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        case.addCleanup(self.kill)

    def image_command(self, instruction):
        return image_test.json.loads(self._final.last(instruction))

    def put(self, text):
        """A new version of the ConfigMap: a folder of its own, and ..data becomes a link to it in one step."""
        self._versions += 1
        name = f"..version_{self._versions}"
        os.mkdir(os.path.join(self.configs, name))
        pathlib.Path(self.configs, name, "millrace.yaml").write_text(text)
        link = os.path.join(self.configs, "..data")
        os.symlink(name, link + ".new")
        os.replace(link + ".new", link)

    def log(self):
        return pathlib.Path(self._log_path).read_text()

    def wait_log(self, text):
        def said():
            if self.process.poll() is not None:
                raise AssertionError(f"it ended with {self.process.returncode}:\n{self.log()}")
            return text in self.log()

        harness.eventually(said, f"{text!r} in:\n{self.log()}")

    @property
    def pid(self):
        """Of its process 1, as this namespace numbers it."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def entering(self, *command):
        """Words of `docker exec`."""
        return ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--net", "--root", "--wd", "--", "setpriv",
                *USER, *command]

    def execute(self, *command):
        return subprocess.run(self.entering(*command), capture_output=True, text=True, timeout=harness.DEADLINE_S,
                              check=False)

    def health(self):
        return self.execute(*in_app(image_test.json.loads(self._final.last("HEALTHCHECK").split(" CMD ")[1])))

    def status(self, field):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return re.search(rf"^{field}:\s*(.*)$", text, re.M)[1].split()

    def kill(self):
        """Process 1 first, and with it all that is inside: a process that changes its user loses the death signal
        that --kill-child has set (man 2 prctl), so that killing unshare alone would leave it running."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if self.process.poll() is None:
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGKILL)
            self.process.kill()
        self.process.wait()


class ContainerRunTest(harness.Case):
    def start(self, text=CONFIG % (8080, 9464)):
        container = Container(self, text)
        container.wait_log("metrics: http://")
        return container

    def test_it_runs_as_process_one_without_any_right_and_stops_as_asked(self):
        container = self.start()
        harness.eventually(lambda: container.health().returncode == 0, "health")
        self.assertEqual(container.status("NSpid")[-1], "1")
        self.assertEqual(container.status("Uid"), ["65532"] * 4)
        self.assertEqual(container.status("Gid"), ["65532"] * 4)
        for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(container.status(field)[0], 16), 0, field)
        self.assertIn("ro", self.root_options(container))
        os.kill(container.pid, signal.SIGTERM)
        self.assertEqual(container.process.wait(harness.DEADLINE_S), 0, container.log())

    @staticmethod
    def root_options(container):
        lines = pathlib.Path(f"/proc/{container.pid}/mountinfo").read_text().splitlines()
        return next(line.split()[5] for line in lines if line.split()[4] == "/").split(",")

    def test_the_health_check_fails_when_nobody_answers(self):
        container = self.start()
        container.put(CONFIG % (8080, 9999))  # Where Millrace is not.
        done = container.health()
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("not ready: 127.0.0.1:9999", done.stderr)

    def test_a_configuration_that_the_kubelet_swaps_is_reloaded(self):
        container = self.start()
        # A Millrace that runs another file hears nothing.
        pathlib.Path(container.configs, "other.yaml").write_text(CONFIG % (8081, 9465))
        other_log = pathlib.Path(self.folder(), "other")
        log = pathlib.Path(self.folder(), "log")
        with open(other_log, "wb") as file:
            other = self.use(Killed(container.entering("/app/millrace", "run", "-c", "/etc/millrace/other.yaml"), file))
        harness.eventually(lambda: "metrics: http://" in other_log.read_text(), "the other Millrace")
        with open(log, "wb") as file:
            sidecar = self.use(Killed(container.entering(
                "/app/reload-on-change", "--interval", "1", "/etc/millrace/millrace.yaml"), file))
        harness.eventually(lambda: "watching" in log.read_text(), "the sidecar")
        container.put(CONFIG % (8082, 9464))
        container.wait_log("configuration 2 in force")
        self.assertIn("127.0.0.1:8082", container.log())
        container.put("listeners: []\n")
        container.wait_log("reload refused: configuration 2 stays in force")
        container.put(CONFIG % (8083, 9464))
        container.wait_log("configuration 3 in force")
        self.assertIn("SIGHUP to process 1", log.read_text())
        self.assertEqual(log.read_text().count("SIGHUP to process"), 3, log.read_text())
        self.assertNotIn("reload", other_log.read_text())
        self.assertIsNone(other.process.poll())
        self.assertEqual(sidecar.stop(), 0, log.read_text())
        self.assertEqual(container.health().returncode, 0)

    def test_a_reloader_that_starts_late_finds_that_the_file_is_younger_than_the_program(self):
        container = self.start()
        container.put(CONFIG % (8082, 9464))
        # The reloader compares whole seconds, and both times of the test would be the same one.
        later = time.time() + 3
        os.utime(os.path.join(container.configs, "millrace.yaml"), (later, later))
        log = pathlib.Path(self.folder(), "log")
        with open(log, "wb") as file:
            sidecar = self.use(Killed(container.entering(
                "/app/reload-on-change", "--interval", "1", "/etc/millrace/millrace.yaml"), file))
        container.wait_log("configuration 2 in force")
        self.assertEqual(sidecar.stop(), 0, log.read_text())

    def test_the_reloader_says_what_is_wrong_with_its_words(self):
        for words in ((), ("a", "b"), ("--interval", "1"), ("--interval", "0", "a"), ("--interval", "1s", "a")):
            done = subprocess.run([TREE / "deploy/docker/reload-on-change", *words], capture_output=True, text=True,
                                  timeout=harness.DEADLINE_S, check=False)
            self.assertEqual(done.returncode, 2, words)
            self.assertIn("--interval", done.stderr)


class Killed:
    """A process inside that does not outlive the test. It is the child of nsenter, which passes no signal on."""

    def __init__(self, command, file):
        self.process = subprocess.Popen([*harness.dies_with_us(), *command], stdin=subprocess.DEVNULL, stdout=file,
                                        stderr=file)

    def stop(self):
        """SIGTERM for the process inside, and its exit code."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGTERM)
        return self.process.wait(harness.DEADLINE_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()  # What is inside ends with its namespace.
        self.process.wait()


def main():
    probe = subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "--", "mount", "-t", "tmpfs", "tmpfs",
                            "/mnt"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        print(f"skipped: no namespaces without CAP_SYS_ADMIN: {probe.stderr.strip()}")
        sys.exit(harness.SKIPPED)
    harness.main()


if __name__ == "__main__":
    main()

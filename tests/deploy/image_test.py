"""deploy/docker/Dockerfile, as far as it can be tried without an engine: what it promises, that the packages of its
last stage are those of the program's libraries, and that its context has all that the build reads."""

import fnmatch
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import configuration  # noqa: F401  Finds harness.
import harness

TREE = pathlib.Path(__file__).resolve().parents[2]
DOCKERFILE = TREE / "deploy/docker/Dockerfile"
# Of the base image: apt itself needs them.
OF_THE_BASE = {"libc6", "libgcc-s1", "libstdc++6"}
# In a binary with DPDK or a sanitizer, and not in the one that the image has.
NOT_IN_A_RELEASE = ("librte_", "libasan.", "libubsan.", "libtsan.", "liblsan.")


class Stage:
    def __init__(self, words):
        self.base = words[0]
        self.name = words[2] if len(words) == 3 else ""
        self.steps = []  # (instruction, the rest)

    def all(self, instruction):
        return [rest for name, rest in self.steps if name == instruction]

    def last(self, instruction):
        return self.all(instruction)[-1]


def stages():
    """The Dockerfile's stages; lines that go on are one, comments are gone."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = "\n".join(lines).replace("\\\n", " ")
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, rest = line.split(None, 1)
        if instruction == "FROM":
            found.append(Stage(rest.split()))
        elif found:
            found[-1].steps.append((instruction, " ".join(rest.split())))
    return found


def installed_packages(stage):
    """What `apt-get install` names."""
    step = next(step for step in stage.all("RUN") if "apt-get install" in step)
    words = step.split("apt-get install", 1)[1].split("&&")[0].split()
    return {word for word in words if not word.startswith("-")}


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed_packages(binary):
    """The Debian packages of the libraries that the program itself names; apt gets what those need."""
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", binary))
    where = dict(re.findall(r"(\S+) => (\S+)", output("ldd", binary)))
    packages = set()
    for name in names:
        if name.startswith(("ld-linux", *NOT_IN_A_RELEASE)):
            continue
        # dpkg knows a file by the path of its package, which may be /lib or /usr/lib.
        path = os.path.realpath(where[name])
        owners = subprocess.run(["dpkg", "-S", path, path.removeprefix("/usr")], capture_output=True, text=True,
                                check=False).stdout
        if not owners:
            raise AssertionError(f"{name}: no package has {path}")
        packages.add(owners.split(":")[0])
    return packages - OF_THE_BASE


def ignored(path, patterns):
    """Whether .dockerignore leaves the path out of the context."""
    parts = path.split("/")
    for pattern in patterns:
        anywhere = pattern.startswith("**/")
        for end in range(1, len(parts) + 1):
            part = parts[end - 1] if anywhere else "/".join(parts[:end])
            if fnmatch.fnmatchcase(part, pattern.removeprefix("**/")):
                return True
    return False


def copy_context(target):
    """What an engine would send to the build: all files but the ignored ones. Asks git for the names where it can,
    since a working copy may have build folders of other names."""
    patterns = [line for line in (TREE / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    listed = subprocess.run(["git", "-C", TREE, "ls-files", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False)
    names = listed.stdout.split("\n") if listed.returncode == 0 else [
        path.relative_to(TREE).as_posix() for path in TREE.rglob("*")]
    for name in filter(None, names):
        source = TREE / name
        if source.is_file() and not source.is_symlink() and not ignored(name, patterns):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target / name)


class PromisesTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.build, self.final = stages()

    def test_two_stages_of_the_same_debian(self):
        self.assertEqual((self.build.base, self.build.name), ("debian:${DEBIAN}", "build"))
        self.assertEqual(self.final.base, "debian:${DEBIAN}-slim")
        self.assertIn("ARG DEBIAN=12", DOCKERFILE.read_text())

    def test_runs_as_a_numbered_user_that_is_not_root(self):
        self.assertEqual(self.final.last("USER"), "65532:65532")
        # Nothing after it could put root back, and nothing is copied that the user could change.
        names = [name for name, _ in self.final.steps]
        self.assertNotIn("RUN", names[names.index("USER"):])
        self.assertFalse([copy for copy in self.final.all("COPY") if "--chown" in copy])

    def test_stops_by_the_signal_that_drains(self):
        self.assertEqual(self.final.last("STOPSIGNAL"), "SIGTERM")

    def test_the_health_check_asks_the_program_about_the_file_that_it_runs(self):
        entry, command = json.loads(self.final.last("ENTRYPOINT")), json.loads(self.final.last("CMD"))
        self.assertEqual(command[:2], ["run", "-c"])
        options, check = self.final.last("HEALTHCHECK").split(" CMD ")
        self.assertEqual(json.loads(check), [*entry, "health", "-c", command[2]])
        self.assertLess({"--interval=5s", "--timeout=4s"}, set(options.split()))
        # The words are those of the program.
        help_text = output(harness.BINARY, "health", "--help")
        self.assertIn("-c,--config", help_text)

    def test_says_what_it_is(self):
        labels = dict(word.split("=", 1) for word in shlex.split(self.final.last("LABEL")))
        self.assertLessEqual({"org.opencontainers.image." + name for name in (
            "title", "description", "licenses", "version", "revision", "base.name")}, set(labels))
        version = re.search(r"project\(millrace VERSION (\S+)", (TREE / "CMakeLists.txt").read_text())[1]
        self.assertIn(f"VERSION={version}", self.final.all("ARG"))

    def test_the_port_is_that_of_the_metrics(self):
        self.assertEqual(self.final.last("EXPOSE"), "9464")

    def test_the_program_s_libraries_are_installed_and_nothing_else(self):
        self.assertEqual(installed_packages(self.final), needed_packages(harness.BINARY))

    def test_the_build_installs_by_the_script_of_the_tree(self):
        self.assertIn("deploy/install-dependencies --for build", self.build.all("RUN"))
        compile_step = self.build.all("RUN")[-1]
        for words in ("cmake --preset release", "BUILD_TESTING=OFF", "--target millrace", "strip "):
            self.assertIn(words, compile_step)


class ContextTest(harness.Case):
    def test_the_build_finds_all_it_reads(self):
        """CMake configures in a copy of the context, and ninja has a rule or a file for every input."""
        target = pathlib.Path(self.folder())
        copy_context(target)
        self.assertFalse((target / "tests").exists())
        build, final = stages()
        for copy in build.all("COPY") + final.all("COPY"):
            words = [word for word in copy.split() if not word.startswith("--")]
            if "--from=build" not in copy:
                for source in words[:-1]:
                    self.assertTrue((target / source).exists(), f"COPY {source}: not in the context")
        if harness.SANITIZER:
            return  # The rest is the same for every build, and slow beside sanitizers.
        configure = ["cmake", "--preset", "release", "--log-level=WARNING", "-D", "BUILD_TESTING=OFF"]
        for command in (configure, ["ninja", "-C", "build/release", "-n", "millrace"]):
            done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, f"{command}:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    harness.main()

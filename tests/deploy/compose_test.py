"""deploy/docker/docker-compose.yaml: that its files exist, that its configuration is right, and that ports agree
between configuration, compose file and the scrape configuration. No engine runs here, so nothing is started."""

import pathlib
import re

import yaml

import configuration
import harness

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/docker"
COMPOSE = yaml.safe_load((FOLDER / "docker-compose.yaml").read_text())
SERVICES = COMPOSE["services"]
# What may change below these tags is a fix: a minor version at least, and never `latest`.
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+(-[a-z]+)?$")


def mounts(service):
    """[(source, target, options)] of a service; a named volume's source is its name."""
    return [(parts[0], parts[1], parts[2:]) for parts in (text.split(":") for text in service.get("volumes", []))]


def folder_of(source):
    return (FOLDER / source).resolve()


def published(service):
    """{port outside: port inside}"""
    found = {}
    for text in service.get("ports", []):
        address, outside, inside = text.rsplit(":", 2)
        if address != "127.0.0.1":
            raise AssertionError(f"{text}: a demonstration without passwords is on loopback only")
        found[int(outside)] = int(inside)
    return found


class ComposeTest(harness.Case):
    def setUp(self):
        super().setUp()
        self.config = configuration.effective(str(FOLDER / "millrace.yaml"))

    def test_every_service_is_pinned_locked_down_and_looked_after(self):
        for name, service in SERVICES.items():
            with self.subTest(name):
                self.assertRegex(service["image"], PINNED)
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertNotIn("privileged", service)
                if name != "millrace":  # The image's own.
                    self.assertEqual(service["healthcheck"]["test"][0], "CMD")

    def test_what_is_mounted_is_there(self):
        missing = []
        for service in SERVICES.values():
            for source, target, options in mounts(service):
                self.assertTrue(target.startswith("/"), target)
                if not source.startswith("."):
                    self.assertIn(source, COMPOSE["volumes"])
                    continue
                self.assertEqual(options, ["ro"], f"{source}: the tree is not the containers' to change")
                folder = folder_of(source)
                if not folder.is_dir() or not any(path.name[0] != "." for path in folder.iterdir()):
                    missing.append(source)
        for source in missing:
            self.assertIn(source, ("../prometheus", "../grafana/provisioning", "../grafana/dashboards"))
        if missing:
            self.skipTest(f"not in the tree yet: {missing}")

    def test_the_build_is_that_of_the_image(self):
        build = SERVICES["millrace"]["build"]
        self.assertEqual(folder_of(build["context"]) / build["dockerfile"], FOLDER / "Dockerfile")
        self.assertIn("/etc/millrace", [target for source, target, _ in mounts(SERVICES["millrace"])
                                        if folder_of(source) == FOLDER])
        version = re.search(r"ARG VERSION=(\S+)", (FOLDER / "Dockerfile").read_text())[1]
        self.assertEqual(SERVICES["millrace"]["image"], f"millrace:{version}")

    def test_ports_are_those_of_the_configuration(self):
        ports = configuration.listener_ports(self.config) | {configuration.reachable_metrics_port(self.config)}
        self.assertEqual(published(SERVICES["millrace"]), {port: port for port in ports})
        everywhere = [port for service in SERVICES.values() for port in published(service)]
        self.assertEqual(len(everywhere), len(set(everywhere)))

    def test_upstreams_are_services_that_it_waits_for(self):
        names = {upstream["dns"]["name"] for upstream in self.config["upstreams"]}
        self.assertLess(names, set(SERVICES))
        self.assertEqual(set(SERVICES["millrace"]["depends_on"]), names)

    def test_a_service_is_asked_at_the_port_where_it_is_healthy(self):
        for name, service in SERVICES.items():
            for port in re.findall(r"127\.0\.0\.1:(\d+)", " ".join(service.get("healthcheck", {}).get("test", []))):
                inside = {upstream["dns"]["port"] for upstream in self.config["upstreams"]
                          if upstream["dns"]["name"] == name} or set(published(service).values())
                self.assertEqual(inside, {int(port)}, name)

    def test_it_drains_before_it_is_killed(self):
        self.assertLess(configuration.seconds(self.config["shutdown"]["drain"]),
                        configuration.seconds(SERVICES["millrace"]["stop_grace_period"]))

    def test_prometheus_scrapes_it(self):
        path = FOLDER.parent / "prometheus/prometheus.yml"
        if not path.exists():
            self.skipTest("deploy/prometheus/prometheus.yml is not in the tree yet")
        targets = [target for job in yaml.safe_load(path.read_text())["scrape_configs"]
                   for group in job.get("static_configs", []) for target in group["targets"]]
        self.assertIn(f"millrace:{configuration.reachable_metrics_port(self.config)}", targets)

    def test_grafana_asks_this_prometheus(self):
        folder = FOLDER.parent / "grafana/provisioning/datasources"
        if not folder.exists():
            self.skipTest("deploy/grafana/provisioning is not in the tree yet")
        urls = [source["url"] for path in sorted(folder.glob("*.y*ml"))
                for source in yaml.safe_load(path.read_text())["datasources"]]
        self.assertEqual(urls, [f"http://prometheus:{port}" for port in published(SERVICES["prometheus"])])


if __name__ == "__main__":
    harness.main()

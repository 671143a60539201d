"""deploy/helm/millrace, rendered by render.go (text/template and Sprig, as in Helm: Debian has no helm), for many
sets of values: each rendering against the API's types, itself, the schema of the values, and `millrace check`."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import jsonschema
import yaml

import configuration
import harness
import kubernetes_objects

TREE = pathlib.Path(__file__).resolve().parents[2]
CHART = TREE / "deploy/helm/millrace"
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
# Where Go keeps what it has compiled: half a minute the first time, a second then.
CACHE = os.environ.get("MILLRACE_GO_CACHE") or os.path.join(tempfile.gettempdir(), f"millrace-go-{os.getuid()}")

REDIS = {"listeners": [{"name": "redis", "bind": ["0.0.0.0:6379", "[::]:6379", "unix:/run/millrace/redis.sock"],
                        "upstream": "redis"},
                       {"name": "UPPER_case.name-longer-than-15", "bind": "0.0.0.0:5432", "upstream": "redis"}],
         "upstreams": [{"name": "redis", "endpoints": [{"address": "10.0.0.7:6379"}], "pool": {"idle": 8}}]}
CLIENTS = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]

# {what it is: (values, what must be in it as {kind: number})}. Values are floats for Helm, and a template would print
# large ones as 1e+06 if it did not take care.
VARIANTS = {
    "defaults": ({}, {"Deployment": 1, "Service": 1, "ConfigMap": 1, "PodDisruptionBudget": 1, "ServiceAccount": 1,
                      "Pod": 1}),
    "daemonset": ({"kind": "DaemonSet"}, {"DaemonSet": 1, "Deployment": 0}),
    "several ports": ({"config": REDIS}, {"Service": 1}),
    "reload by signal": ({"reload": {"mode": "sighup", "intervalSeconds": 5}}, {"Deployment": 1}),
    "a daemonset on the nodes' network": (
        {"kind": "DaemonSet", "hostNetwork": True, "reload": {"mode": "sighup"}, "service": {"enabled": False},
         "tolerations": [{"operator": "Exists"}], "nodeSelector": {"edge": "true"}},
        {"DaemonSet": 1, "Service": 0, "Pod": 0}),
    "a deployment on the nodes' network": ({"hostNetwork": True}, {"Deployment": 1}),
    "a load balancer that keeps the client's address": (
        {"service": {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "internalTrafficPolicy": "Cluster",
                     "loadBalancerClass": "example.net/lb", "loadBalancerSourceRanges": ["192.0.2.0/24"],
                     "ipFamilyPolicy": "PreferDualStack", "annotations": {"example.net/a": "b"}}}, {"Service": 1}),
    "node ports": ({"config": REDIS, "service": {"type": "NodePort", "externalTrafficPolicy": "Local",
                                                 "nodePorts": {"6379": 30079}}}, {"Service": 1}),
    "autoscaling": ({"autoscaling": {"enabled": True}}, {"HorizontalPodAutoscaler": 1}),
    "network policy": ({"networkPolicy": {"enabled": True}}, {"NetworkPolicy": 1}),
    "network policy with lists": (
        {"config": REDIS, "networkPolicy": {
            "enabled": True, "clients": CLIENTS, "metrics": [{"namespaceSelector": {}}],
            "egress": [{"to": CLIENTS, "ports": [{"protocol": "TCP", "port": 6379}]}]}}, {"NetworkPolicy": 1}),
    "no egress": ({"networkPolicy": {"enabled": True, "egress": []}}, {"NetworkPolicy": 1}),
    "pod monitor": ({"podMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "relabelings": [
        {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}]}}, {"PodMonitor": 1}),
    "budget by share": ({"podDisruptionBudget": {"minAvailable": "50%"}}, {"PodDisruptionBudget": 1}),
    "no budget, no account": ({"podDisruptionBudget": {"enabled": False}, "serviceAccount": {"create": False}},
                              {"PodDisruptionBudget": 0, "ServiceAccount": 0}),
    "a profile for io_uring": ({"seccomp": {"type": "Localhost", "localhostProfile": "millrace.json"}}, {}),
    "IPv6 only": ({"config": {"listeners": [{"name": "web", "bind": "[::]:8080", "upstream": "web"}]},
                   "metrics": {"address": "[::]"}, "service": {"ipFamilyPolicy": "SingleStack"}}, {}),
    "no seccomp": ({"seccomp": {"type": "Unconfined"}}, {}),
    "low ports": ({"config": {"listeners": [{"name": "https", "bind": "0.0.0.0:443", "upstream": "web"}]},
                   "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}, {}),
    "numbers above a million": ({"drain": {"delaySeconds": 86400, "seconds": 86400,
                                           "terminationGracePeriodSeconds": 2000000}}, {}),
    "a configuration of one's own": ({"existingConfigMap": "mine", "ports": [6379, 5432]}, {"ConfigMap": 0}),
    "names, labels, an image by digest": (
        {"fullnameOverride": "edge", "image": {"repository": "registry.example:5000/millrace",
                                               "digest": "sha256:" + "0123456789abcdef" * 4},
         "imagePullSecrets": [{"name": "registry"}], "podLabels": {"team": "edge"},
         "podAnnotations": {"example.net/a": "true"}, "priorityClassName": "system-cluster-critical",
         "serviceAccount": {"name": "other", "annotations": {"a": "b"}},
         "affinity": {"podAntiAffinity": {}}, "topologySpreadConstraints": [],
         "updateStrategy": {"type": "Recreate"}, "minReadySeconds": 5,
         "extraVolumes": [{"name": "more", "emptyDir": {}}],
         "extraVolumeMounts": [{"name": "more", "mountPath": "/run/more"}]}, {"Deployment": 1}),
}
# {values: what the schema says}
REFUSED_BY_SCHEMA = (
    ({"replicas": 3}, "'replicas' was unexpected"),
    ({"kind": "StatefulSet"}, "not one of"),
    ({"service": {"externalTrafficPolicy": "local"}}, "not one of"),
    ({"metrics": {"port": 70000}}, "maximum"),
    ({"config": {"listeners": []}}, "too short"),
    ({"reload": {"mode": "watch"}}, "not one of"),
    ({"drain": {"seconds": "60s"}}, "not of type 'integer'"),
    ({"image": {"digest": "sha256:12"}}, "does not match"),
)
# {values: what a template says}
REFUSED_BY_TEMPLATES = (
    ({"existingConfigMap": "mine"}, "needs `ports`"),
    ({"config": {"listeners": [{"name": "a", "bind": "unix:/run/a", "upstream": "web"}]}}, "no TCP port"),
    ({"metrics": {"port": 8080}}, "is the port of a listener"),
    ({"kind": "DaemonSet", "autoscaling": {"enabled": True}}, "needs kind: Deployment"),
    ({"hostNetwork": True, "sysctls": [{"name": "net.core.somaxconn", "value": "1"}]}, "exclude each other"),
    ({"service": {"externalTrafficPolicy": "Local"}}, "needs service.type"),
    ({"seccomp": {"type": "Localhost"}}, "needs seccomp.localhostProfile"),
    ({"drain": {"terminationGracePeriodSeconds": 70}}, "would kill a draining Millrace"),
)


def build():
    """The renderer, compiled."""
    if not shutil.which("go"):
        raise AssertionError("go is missing: install the Debian package golang-go"
                             " (deploy/install-dependencies --for test)")
    os.makedirs(CACHE, exist_ok=True)
    program = os.path.join(CACHE, "render")
    environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="", GOCACHE=CACHE,
                       GOTOOLCHAIN="local")
    done = subprocess.run(["go", "build", "-o", program, pathlib.Path(__file__).with_name("render.go")],
                          env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"render.go: {done.stderr}\nIts libraries are golang-github-masterminds-sprig-dev and"
                             " golang-k8s-sigs-yaml-dev")
    return program


def merged(values):
    """Over the chart's own, as Helm does before it asks the schema."""
    def overlay(under, over):
        for key, value in over.items():
            both = isinstance(value, dict) and isinstance(under.get(key), dict)
            under[key] = overlay(under[key], value) if both else value
        return under

    return overlay(yaml.safe_load((CHART / "values.yaml").read_text()), values)


class ChartCase(harness.Case):
    program = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls.program or build()

    def render(self, values, release="demo"):
        """(what is wrong, {template: text})."""
        path = os.path.join(self.folder(), "values.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(values, file)
        done = subprocess.run([self.program, "--values", path, CHART, release, "somewhere"], capture_output=True,
                              text=True, check=False)
        return (done.stderr, None) if done.returncode else ("", json.loads(done.stdout))

    def objects(self, values, **options):
        error, rendered = self.render(values, **options)
        self.assertEqual(error, "")
        return [thing for name, text in rendered.items() if name.endswith(".yaml")
                for thing in yaml.safe_load_all(text) if thing]

    def workload(self, values):
        return next(thing for thing in self.objects(values) if thing["kind"] in kubernetes_objects.WORKLOADS)


class ChartTest(ChartCase):
    def test_every_variant_is_valid(self):
        for what, (values, numbers) in VARIANTS.items():
            with self.subTest(what):
                jsonschema.validate(merged(values), SCHEMA)
                objects = self.objects(values)
                self.assertEqual(kubernetes_objects.check(objects), [])
                self.assertEqual(configuration.manifest_problems(objects, self.folder()), [])
                kinds = [thing["kind"] for thing in objects]
                self.assertEqual({kind: kinds.count(kind) for kind in numbers}, numbers)

    def test_every_value_of_the_chart_is_in_its_schema_and_in_a_template(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        jsonschema.validate(values, SCHEMA)
        self.assertEqual(set(SCHEMA["properties"]) - set(values), {"global"})
        text = "".join(path.read_text() for path in sorted((CHART / "templates").rglob("*")) if path.is_file())
        # These three are looked up by name (millrace.probes).
        unused = [key for key in values if f".Values.{key}" not in text and f'"{key}"' not in text]
        self.assertEqual(unused, [])

    def test_the_schema_refuses_what_is_misspelt(self):
        for values, text in REFUSED_BY_SCHEMA:
            with self.subTest(values), self.assertRaisesRegex(jsonschema.ValidationError, text):
                jsonschema.validate(merged(values), SCHEMA)

    def test_templates_refuse_values_that_contradict_each_other(self):
        for values, text in REFUSED_BY_TEMPLATES:
            with self.subTest(values):
                self.assertIn(text, self.render(values)[0])

    def test_a_release_with_a_long_name_has_valid_names(self):
        objects = self.objects({"dashboards": {"enabled": False}}, release="r" * 53)
        self.assertEqual(kubernetes_objects.check(objects), [])
        self.assertEqual([thing["metadata"]["name"] for thing in objects if len(thing["metadata"]["name"]) > 63], [])

    def test_another_configuration_replaces_the_pods_unless_it_is_reloaded(self):
        def annotations(**values):
            return self.workload(values)["spec"]["template"]["metadata"]["annotations"]

        self.assertNotEqual(annotations()["checksum/config"], annotations(config=REDIS)["checksum/config"])
        self.assertEqual(annotations()["checksum/config"], annotations(replicaCount=5)["checksum/config"])
        self.assertEqual(annotations(reload={"mode": "sighup"}), annotations(config=REDIS, reload={"mode": "sighup"}))

    def test_the_seccomp_profile_is_the_one_asked_for(self):
        def profile(**seccomp):
            values = {"seccomp": seccomp} if seccomp else {}
            return self.workload(values)["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]

        self.assertEqual(profile(), {"type": "RuntimeDefault"})
        self.assertEqual(profile(type="Localhost", localhostProfile="a.json"),
                         {"type": "Localhost", "localhostProfile": "a.json"})
        self.assertEqual(profile(type="Unconfined", localhostProfile="a.json"), {"type": "Unconfined"})

    def test_notes_say_what_the_values_mean(self):
        def notes(**values):
            return " ".join(self.render(values)[1]["templates/NOTES.txt"].split())

        self.assertIn("TCP ports 8080. helm test demo", notes())
        self.assertIn("engine is epoll", notes())
        self.assertIn("WARNING: one replica", notes(replicaCount=1))
        self.assertIn("WARNING: seccomp is off", notes(seccomp={"type": "Unconfined"}))
        self.assertIn("no session ends", notes(reload={"mode": "sighup"}))


class MonitoringTest(ChartCase):
    """What the chart takes from deploy/prometheus and deploy/grafana, by links."""

    def test_rules_are_those_of_deploy_prometheus(self):
        files = sorted((TREE / "deploy/prometheus").glob("*.rules.yml"))
        if not files:
            self.skipTest("deploy/prometheus has no rules")
        wanted = [group["name"] for path in files for group in yaml.safe_load(path.read_text())["groups"]]
        objects = self.objects({"prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}}})
        self.assertEqual(kubernetes_objects.check(objects), [])
        rules = next(thing for thing in objects if thing["kind"] == "PrometheusRule")
        self.assertEqual([group["name"] for group in rules["spec"]["groups"]], wanted)

    def test_dashboards_are_those_of_deploy_grafana(self):
        files = sorted((TREE / "deploy/grafana/dashboards").glob("*.json"))
        if not files:
            self.skipTest("deploy/grafana has no dashboards")
        objects = self.objects({"dashboards": {"enabled": True}})
        self.assertEqual(kubernetes_objects.check(objects), [])
        found = next(thing for thing in objects if "grafana_dashboard" in thing["metadata"]["labels"])
        self.assertEqual({name: json.loads(text) for name, text in found["data"].items()},
                         {path.name: json.loads(path.read_text()) for path in files})
        self.assertLess(len(json.dumps(found)), 1 << 20)  # What etcd takes.


if __name__ == "__main__":
    harness.main()

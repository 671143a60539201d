"""deploy/kubernetes: manifests for people without Helm."""

import copy
import pathlib

import yaml

import configuration
import harness
import kubernetes_objects

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes"


def manifests():
    return [thing for path in sorted(FOLDER.glob("*.yaml")) for thing in yaml.safe_load_all(path.read_text())]


class ManifestsTest(harness.Case):
    def test_the_api_takes_them_and_they_fit_together(self):
        objects = manifests()
        self.assertEqual(sorted(thing["kind"] for thing in objects),
                         ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service"])
        self.assertEqual(kubernetes_objects.check(objects), [])
        self.assertEqual(configuration.manifest_problems(objects, self.folder()), [])

    def test_every_volume_of_a_config_map_has_one(self):
        objects = manifests()
        names = {thing["metadata"]["name"] for thing in objects if thing["kind"] == "ConfigMap"}
        pod = next(thing for thing in objects if thing["kind"] == "Deployment")["spec"]["template"]["spec"]
        wanted = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
        self.assertEqual(wanted, names)


class SpoiltTest(harness.Case):
    """That the checks find things: one mistake each."""

    def problems(self, spoil):
        objects = {thing["kind"]: thing for thing in copy.deepcopy(manifests())}
        spoil(objects)
        things = list(objects.values())
        return kubernetes_objects.check(things) or configuration.manifest_problems(things, self.folder())

    def expect(self, text, spoil):
        problems = self.problems(spoil)
        self.assertTrue(any(text in problem for problem in problems), problems)

    @staticmethod
    def container(objects):
        return objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]

    def test_an_unknown_key_is_found(self):
        self.expect("unknown key readinesProbe", lambda objects: self.container(objects).update(readinesProbe={}))

    def test_a_wrong_type_is_found(self):
        self.expect("int is wanted, not '2'", lambda objects: objects["Deployment"]["spec"].update(replicas="2"))

    def test_a_missing_key_is_found(self):
        self.expect("`selector`", lambda objects: objects["Deployment"]["spec"].pop("selector"))

    def test_a_selector_that_misses_is_found(self):
        self.expect("does not choose", lambda objects: objects["Service"]["spec"].update(selector={"app": "x"}))

    def test_a_port_that_leads_nowhere_is_found(self):
        self.expect("no port web", lambda objects: objects["Service"]["spec"]["ports"][0].update(targetPort="web"))

    def test_a_writable_root_is_found(self):
        self.expect("readOnlyRootFilesystem is False",
                    lambda objects: self.container(objects)["securityContext"].update(readOnlyRootFilesystem=False))

    def test_a_volume_that_is_not_there_is_found(self):
        self.expect("no volume run", lambda objects: objects["Deployment"]["spec"]["template"]["spec"]["volumes"].pop())

    def test_a_grace_period_within_the_drain_is_found(self):
        self.expect("killed after 70 s", lambda objects: objects["Deployment"]["spec"]["template"]["spec"].update(
            terminationGracePeriodSeconds=70))

    def configure(self, objects, before, after):
        text = objects["ConfigMap"]["data"]["millrace.yaml"]
        self.assertIn(before, text)
        objects["ConfigMap"]["data"]["millrace.yaml"] = text.replace(before, after)

    def test_a_configuration_with_an_error_is_found(self):
        self.expect("unknown key 'listners'", lambda objects: self.configure(objects, "listeners:", "listners:"))

    def test_a_listener_at_another_port_is_found(self):
        self.expect("listeners at {8081}", lambda objects: self.configure(objects, "0.0.0.0:8080", "0.0.0.0:8081"))

    def test_metrics_that_nobody_reaches_are_found(self):
        self.expect("neither a kubelet", lambda objects: self.configure(objects, "0.0.0.0:9464", "127.0.0.1:9464"))


if __name__ == "__main__":
    harness.main()

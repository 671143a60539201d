"""Manifests against what the API takes and against each other.

check(objects, configurations) returns problems as text. The types are those of Debian's python3-kubernetes, the
API of Kubernetes 1.22: unknown keys, wrong types and missing keys of every object down to its leaves.
autoscaling/v2 came with 1.23; its types are those of v2beta2, which it is equal to. PodMonitor and PrometheusRule
are not part of Kubernetes: for them KEYS_OF_OPERATOR says what is allowed.
"""

import re

from kubernetes import client

MODELS = {
    ("v1", "ConfigMap"): "V1ConfigMap", ("v1", "Service"): "V1Service", ("v1", "Pod"): "V1Pod",
    ("v1", "ServiceAccount"): "V1ServiceAccount", ("apps/v1", "Deployment"): "V1Deployment",
    ("apps/v1", "DaemonSet"): "V1DaemonSet", ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2beta2HorizontalPodAutoscaler",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}
# After the API reference of the Prometheus operator, what our chart may write.
KEYS_OF_OPERATOR = {
    "PodMonitor": {"selector", "podMetricsEndpoints", "namespaceSelector", "podTargetLabels", "jobLabel"},
    "PrometheusRule": {"groups"},
}
WORKLOADS = ("Deployment", "DaemonSet")
_PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
_PORT_NAME = re.compile(r"(?=.*[a-z])[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$")
_CHECKED = client.Configuration()  # Whose client_side_validation lets models refuse what is missing.


def type_problems(value, kind, where):
    """Where `value` is not what the API calls `kind`."""
    if kind == "object":  # Also: a number or text, as in ports and shares.
        return []
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{where}: a list is wanted, not {value!r}"]
        return [problem for index, item in enumerate(value)
                for problem in type_problems(item, kind[5:-1], f"{where}[{index}]")]
    if kind.startswith("dict("):
        if not isinstance(value, dict):
            return [f"{where}: a map is wanted, not {value!r}"]
        inner = kind[5:-1].split(", ", 1)[1]
        if where.endswith((".limits", ".requests")) and inner == "str":
            inner = "object"  # Quantities may be numbers.
        return [problem for key, item in value.items() for problem in type_problems(item, inner, f"{where}.{key}")]
    if kind in _PLAIN:
        right = isinstance(value, _PLAIN[kind]) and (kind == "bool" or not isinstance(value, bool))
        return [] if right else [f"{where}: {kind} is wanted, not {value!r}"]
    return model_problems(value, getattr(client, kind), where)


def model_problems(value, model, where):
    if not isinstance(value, dict):
        return [f"{where}: a map is wanted, not {value!r}"]
    names = {key: name for name, key in model.attribute_map.items()}
    problems = [f"{where}: unknown key {key}" for key in value if key not in names]
    known = {names[key]: item for key, item in value.items() if key in names}
    try:
        model(local_vars_configuration=_CHECKED, **known)
    except ValueError as error:
        problems.append(f"{where}: {error}")
    for name, item in known.items():
        problems += type_problems(item, model.openapi_types[name], f"{where}.{model.attribute_map[name]}")
    return problems


def label(thing):
    return f"{thing.get('kind')}/{(thing.get('metadata') or {}).get('name')}"


def api_problems(thing):
    kind, version = thing.get("kind"), thing.get("apiVersion")
    where = label(thing)
    problems = []
    if not _NAME.match(thing.get("metadata", {}).get("name") or ""):
        problems.append(f"{where}: not a name")
    if "namespace" in thing.get("metadata", {}):
        problems.append(f"{where}: names a namespace, which is the caller's to choose")
    if version == "monitoring.coreos.com/v1" and kind in KEYS_OF_OPERATOR:
        unknown = set(thing["spec"]) - KEYS_OF_OPERATOR[kind]
        return problems + [f"{where}: unknown key spec.{key}" for key in sorted(unknown)]
    if (version, kind) not in MODELS:
        return problems + [f"{where}: no such kind in {version}"]
    return problems + model_problems(thing, getattr(client, MODELS[version, kind]), where)


def matches(selector, labels):
    return bool(selector) and selector.items() <= (labels or {}).items()


def selector_of(thing):
    """The pods that an object chooses, or None when it chooses none."""
    spec = thing.get("spec", {})
    if thing["kind"] == "Service":
        return spec["selector"]
    chosen = spec.get("podSelector") if thing["kind"] == "NetworkPolicy" else spec.get("selector")
    return chosen["matchLabels"] if chosen else None


def ports_of(pod):
    return {port["name"]: port["containerPort"] for container in pod["containers"]
            for port in container.get("ports", [])}


def selector_problems(objects, workload):
    """Every selector chooses the workload's pods and no others of this release."""
    labels = workload["spec"]["template"]["metadata"]["labels"]
    problems = []
    for thing in objects:
        selector = selector_of(thing)
        if selector is None:
            continue
        if not matches(selector, labels):
            problems.append(f"{label(thing)}: {selector} does not choose pods with {labels}")
        problems += [f"{label(thing)}: chooses {label(pod)}, too" for pod in objects
                     if pod["kind"] == "Pod" and matches(selector, pod["metadata"]["labels"])]
    for constraint in workload["spec"]["template"]["spec"].get("topologySpreadConstraints", []):
        if not matches(constraint["labelSelector"]["matchLabels"], labels):
            problems.append(f"{label(workload)}: topologySpreadConstraints choose other pods")
    return problems


def port_problems(objects, workload):
    """Names of ports lead to ports of the pod, and every listener's port is one of the Service."""
    named = ports_of(workload["spec"]["template"]["spec"])
    where = label(workload)
    problems = [f"{where}: {name} is no name of a port" for name in named if not _PORT_NAME.match(name)]
    if len(set(named.values())) != len(named):
        problems.append(f"{where}: a port twice: {named}")
    used = []
    for thing in objects:
        if thing["kind"] == "Service":
            used += [(thing, port["targetPort"]) for port in thing["spec"]["ports"]]
            served = {named.get(port["targetPort"]) for port in thing["spec"]["ports"]}
            listeners = {port for name, port in named.items() if name != "metrics"}
            if served != listeners:
                problems.append(f"{label(thing)}: serves {served}, the listeners are {listeners}")
            problems += [f"{label(thing)}: {port['port']} leads to {named.get(port['targetPort'])}"
                         for port in thing["spec"]["ports"] if named.get(port["targetPort"]) != port["port"]]
        elif thing["kind"] == "NetworkPolicy":
            used += [(thing, port["port"]) for rule in thing["spec"]["ingress"] for port in rule["ports"]]
        elif thing["kind"] == "PodMonitor":
            used += [(thing, target["port"]) for target in thing["spec"]["podMetricsEndpoints"]]
    for container in workload["spec"]["template"]["spec"]["containers"]:
        used += [(workload, container[probe]["httpGet"]["port"]) for probe in container if probe.endswith("Probe")]
    return problems + [f"{label(thing)}: no port {port} in {named}" for thing, port in used if port not in named]


def security_problems(pod, where):
    """What the restricted Pod Security Standard asks, and a root that is read only."""
    problems = []
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True or context.get("runAsUser", 0) == 0:
        problems.append(f"{where}: may run as root")
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost", "Unconfined"):
        problems.append(f"{where}: says nothing of seccomp")
    if pod.get("automountServiceAccountToken") is not False:
        problems.append(f"{where}: gets a token for the API")
    for container in pod["containers"]:
        own = container.get("securityContext", {})
        wanted = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        problems += [f"{where}: {container['name']}: {key} is {own.get(key)}" for key, value in wanted.items()
                     if own.get(key) != value]
        if not container.get("resources", {}).get("limits", {}).get("memory"):
            problems.append(f"{where}: {container['name']}: no limit of memory")
    return problems


def mount_problems(pod, where):
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    problems = []
    for container in pod["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                problems.append(f"{where}: {container['name']}: no volume {mount['name']}")
            if "subPath" in mount:
                problems.append(f"{where}: {container['name']}: a subPath is never updated")
    return problems


def check(objects):
    """All problems of the manifests of one release."""
    problems = [problem for thing in objects for problem in api_problems(thing)]
    if problems:
        return problems  # What follows takes the shape for granted.
    seen = [label(thing) for thing in objects]
    problems += [f"{name}: twice" for name in set(seen) if seen.count(name) > 1]
    for thing in objects:
        if thing["kind"] == "Pod":
            problems += security_problems(thing["spec"], label(thing))
    workloads = [thing for thing in objects if thing["kind"] in WORKLOADS]
    if len(workloads) != 1:
        return problems + [f"one workload is wanted, not {[label(workload) for workload in workloads]}"]
    workload = workloads[0]
    pod = workload["spec"]["template"]["spec"]
    account = pod.get("serviceAccountName", "default")
    for thing in objects:
        if thing["kind"] == "ServiceAccount" and thing["metadata"]["name"] != account:
            problems.append(f"{label(workload)}: its account is {account}, not {label(thing)}")
        if thing["kind"] == "HorizontalPodAutoscaler":
            target = thing["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) != (workload["kind"], workload["metadata"]["name"]):
                problems.append(f"{label(thing)}: scales {target}")
            if "replicas" in workload["spec"]:
                problems.append(f"{label(workload)}: its replicas are the autoscaler's")
    problems += selector_problems(objects, workload) + port_problems(objects, workload)
    return problems + security_problems(pod, label(workload)) + mount_problems(pod, label(workload))

"""A configuration of Millrace within a container's manifest: what the program itself says of it, and whether the
manifest around it agrees."""

import os
import re
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import harness  # noqa: E402

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(duration):
    """Of a duration as configurations write it."""
    if str(duration) == "0":
        return 0
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()
    return int(number) * _SECONDS[unit]


def effective(path):
    """The file with all defaults, or an AssertionError with what the program says against it."""
    done = subprocess.run([harness.BINARY, "check", "-c", path, "--effective"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"millrace check: {done.returncode}: {done.stdout}{done.stderr}")
    return yaml.safe_load(done.stdout)


def listener_ports(whole):
    """The TCP ports of all listeners."""
    binds = []
    for listener in whole["listeners"]:
        bind = listener["bind"]
        binds += bind if isinstance(bind, list) else [bind]
    return {harness.split_address(bind)[1] for bind in binds if not bind.startswith("unix:")}


def reachable_metrics_port(whole):
    """The port of the metrics, which others than this container must be able to ask."""
    host, port = harness.split_address(whole["metrics"]["bind"])
    if host not in ("0.0.0.0", "::"):
        raise AssertionError(f"metrics at {host}: neither a kubelet nor Prometheus gets there")
    return port


def manifest_problems(objects, folder):
    """The ConfigMap's millrace.yaml against the workload that runs it; `folder` is for a file. A release without
    a ConfigMap of its own has nothing to compare."""
    files = [thing["data"]["millrace.yaml"] for thing in objects
             if thing["kind"] == "ConfigMap" and "millrace.yaml" in thing["data"]]
    if not files:
        return []
    path = os.path.join(folder, "millrace.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(files[0])
    try:
        whole = effective(path)
        metrics = reachable_metrics_port(whole)
    except AssertionError as error:
        return [str(error)]
    pod = next(thing for thing in objects if thing["kind"] in ("Deployment", "DaemonSet"))["spec"]["template"]["spec"]
    container = next(one for one in pod["containers"] if one["name"] == "millrace")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    problems = []
    if ports.pop("metrics") != metrics:
        problems.append(f"the metrics are at {metrics}, which is not the container's port")
    if set(ports.values()) != listener_ports(whole):
        problems.append(f"listeners at {listener_ports(whole)}, the container has {ports}")
    program, option, file = container["args"]
    mount = next(one for one in container["volumeMounts"] if one["name"] == "config")
    if (program, option) != ("run", "-c") or file != mount["mountPath"] + "/millrace.yaml":
        problems.append(f"runs {container['args']}, the configuration is in {mount}")
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    needed = int(command[1]) + seconds(whole["shutdown"]["drain"])
    if command[0] != "sleep" or pod["terminationGracePeriodSeconds"] <= needed:
        problems.append(f"killed after {pod['terminationGracePeriodSeconds']} s, needs {needed} s: {command}")
    sidecars = [one for one in pod["containers"] if "reload-on-change" in str(one.get("command"))]
    if bool(sidecars) != pod.get("shareProcessNamespace", False):
        problems.append("a sidecar that signals needs the same process namespace, and nobody else does")
    problems += [f"the sidecar watches {one['command']}" for one in sidecars if one["command"][-1] != file]
    return problems

"""The first dashboard to open: is the service well, and if not, where to look."""

from boards.panels import (BOTH, INSTANCE, LISTENER, UPSTREAM, board, graph, heatmap, most, number,
                           quantile, rate, row, series, share, states, table, total)

# How sessions end when Millrace could not serve them; docs/metrics.md has each in words.
FAILED = ('cause=~"connect_refused|connect_timeout|connect_unreachable|no_endpoint|queue_full|queue_timeout'
          '|limit|resource|internal"')


def _now():
    down = 'count(up{job=~"$job",instance=~"$instance"} == 0) or vector(0)'
    unusable = (f"count({series('endpoint_healthy', UPSTREAM)} == 0 or"
                f" {series('endpoint_ejected', UPSTREAM)} == 1) or vector(0)")
    failed = share(total(rate("sessions_total", BOTH, FAILED)), total(rate("sessions_total", BOTH)))
    return row(
        "Now",
        number("Instances that do not answer",
               "Prometheus cannot scrape these. Anything but 0 is bad: the process or the way to it is gone.",
               "short", down, thresholds=[(1, "red")]),
        number("Sessions", "Open now, from accept to end, over all instances chosen. A cliff means that clients"
               " or upstreams left together.", "short", total(series("sessions_active", BOTH)),
               color_mode="none"),
        number("New sessions a second", "Connections accepted, rejected ones included.", "cps",
               total(rate("listener_accepted_total", LISTENER)), color_mode="none"),
        number("Sessions that failed", "Share of the sessions that ended now because Millrace found nobody to"
               " serve them: refused or silent endpoints, queues, limits, resources. Above 1 % somebody notices."
               " No value: no session ended.", "percentunit", failed,
               thresholds=[(0.01, "orange"), (0.05, "red")]),
        number("Wait before the first byte, p99", "From accept until bytes can flow. What Millrace and the connect"
               " add. Near 1 s: lost SYNs or a full accept queue of an endpoint.", "s",
               quantile(0.99, "session_setup_seconds", LISTENER), thresholds=[(0.25, "orange"), (1, "red")]),
        number("Endpoints out of use", "Unhealthy by checks or ejected for what sessions met there. Look at"
               " Upstreams and pools for which and why.", "short", unusable, thresholds=[(1, "orange")]),
    )


def _traffic():
    return row(
        "Traffic",
        graph("New sessions", "Accepted connections a second, by listener. A sudden zero is a listener that nobody"
              " reaches; a sudden jump is a storm of reconnects.", "cps",
              (total(rate("listener_accepted_total", LISTENER), "listener"), "{{listener}}")),
        graph("Open sessions", "By listener and the upstream they go to. Steady growth with a steady rate of new"
              " ones: sessions that never end.", "short",
              (total(series("sessions_active", BOTH), "listener", "upstream"), "{{listener}} → {{upstream}}"),
              stacked=True),
        graph("Payload", "Bits a second delivered. to_upstream is what clients send, to_client is what they get.",
              "bps", ("8 * " + total(rate("relay_bytes_total", BOTH), "listener", "direction"),
                      "{{listener}} {{direction}}")),
    )


def _errors():
    accepted = total(rate("listener_accepted_total", LISTENER), "listener")
    return row(
        "Errors",
        graph("Ends of sessions, other than eof", "Who ended it and why. resource and internal are never normal;"
              " connect_* are endpoints in trouble; client/reset is often how clients hang up.", "cps",
              (total(rate("sessions_total", BOTH, 'cause!="eof"'), "actor", "cause"), "{{actor}} {{cause}}"),
              stacked=True),
        graph("Share of sessions that failed, by upstream", "As the figure above, over time. One upstream alone:"
              " its endpoints. All at once: this machine or its network.", "percentunit",
              (share(total(rate("sessions_total", BOTH, FAILED), "upstream"),
                     total(rate("sessions_total", BOTH), "upstream")), "{{upstream}}"),
              thresholds=[(0.05, "red")]),
        graph("Connects that failed", "Each attempt, also when another endpoint saved the session: this rises"
              " before clients notice.", "cps",
              (total(rate("upstream_connect_failures_total", UPSTREAM), "upstream", "endpoint", "cause"),
               "{{upstream}} {{endpoint}} {{cause}}")),
        graph("Clients turned away", "Closed before a session began. limit: max_sessions of the listener is"
              " reached; resource: descriptors or memory ran out.", "cps",
              (total(rate("listener_rejected_total", LISTENER), "listener", "reason"),
               "{{listener}} {{reason}}")),
        graph("Share of clients turned away", "Of all that were accepted. Any steady share means that the limit or"
              " the machine is too small.", "percentunit",
              (share(total(rate("listener_rejected_total", LISTENER), "listener"), accepted), "{{listener}}"),
              thresholds=[(0.01, "red")]),
        graph("Listeners paused", "Workers on which the listener does not accept, because descriptors ran out."
              " Above 0 clients wait in the kernel's queue.", "short",
              (total(series("listener_paused", LISTENER), "listener"), "{{listener}}"),
              thresholds=[(1, "red")]),
    )


def _latency():
    return row(
        "Latency",
        graph("Wait before the first byte", "p50, p99 and p99.9 of the time from accept until bytes can flow. The"
              " distance between them is the number of sessions that wait for something.", "s",
              (quantile(0.5, "session_setup_seconds", LISTENER), "p50"),
              (quantile(0.99, "session_setup_seconds", LISTENER), "p99"),
              (quantile(0.999, "session_setup_seconds", LISTENER), "p99.9")),
        graph("Wait before the first byte, p99 by listener", "hit: a connection stood ready in the pool, miss: it was"
              " made for the session. hit should be far below miss.", "s",
              (quantile(0.99, "session_setup_seconds", LISTENER, "listener", "pool"), "{{listener}} {{pool}}")),
        graph("Length of sessions", "p50 and p99 by listener. Buckets are coarse. Sessions that became very short:"
              " upstreams that hang up, or probes.", "s",
              (quantile(0.5, "session_duration_seconds", LISTENER, "listener"), "{{listener}} p50"),
              (quantile(0.99, "session_duration_seconds", LISTENER, "listener"), "{{listener}} p99")),
        heatmap("Wait before the first byte, all sessions", "Each column is a moment, each row a duration. A second"
                " band that appears is a second cause: retries, queues, lost SYNs.", "session_setup_seconds",
                LISTENER, width=24),
    )


def _saturation():
    limit = total(series("sessions_active", LISTENER), "job", "instance", "listener")
    return row(
        "Saturation",
        graph("Busiest worker", "Share of a CPU that the fullest worker of each instance uses. Above 0.9 its sessions"
              " wait for each other.", "percentunit",
              (most(rate("worker_busy_seconds_total"), "instance"), "{{instance}}"),
              thresholds=[(0.9, "red")]),
        graph("Descriptors in use", "Of the limit. Two for a session, some for pipes. Above 80 % raise LimitNOFILE:"
              " at the limit accepting pauses.", "percentunit",
              (f"{series('process_open_fds')} / {series('process_max_fds')}", "{{instance}}"),
              thresholds=[(0.8, "red")]),
        graph("Sessions against the limit of the listener", "Only listeners with max_sessions. At 1 clients are turned"
              " away.", "percentunit",
              (f"{limit} / on (job, instance, listener) ({series('listener_max_sessions', LISTENER)} > 0)",
               "{{instance}} {{listener}}"), thresholds=[(0.9, "red")]),
        graph("CPU", "CPUs used by the whole process, workers and all other threads.", "short",
              (rate("process_cpu_seconds_total"), "{{instance}}")),
        graph("Memory", "Resident memory. The kernel's socket buffers are not in it. Growth with a steady number of"
              " sessions is worth a report.", "bytes",
              (series("process_resident_memory_bytes"), "{{instance}}")),
        graph("Sessions in queues", "Sessions that wait for a place at an upstream. Must fall to 0 again.", "short",
              (total(series("upstream_queue_length", UPSTREAM), "upstream"), "{{upstream}}")),
    )


def _instances():
    alerts = 'max by (alertname, severity, instance) (ALERTS{alertname=~"Millrace.+",alertstate="%s"})'
    return row(
        "Alerts and instances",
        states("Alerts", "1: condition is met and waits for its time. 2: fires. No data is good news, if the rules of"
               " deploy/prometheus are loaded. What to do: docs/operations.md, Alerts.",
               ("2 * " + alerts % "firing" + " or " + alerts % "pending", "{{alertname}} {{instance}}"),
               words=[(1, "pending", "orange"), (2, "firing", "red")]),
        table("What runs where", "Version and engine of each instance. More than one version is right only during"
              " a roll-out.", "short", (series("build_info"), "running"), width=8),
        table("Configuration", "generation: 1 at the start, one more with each reload. last reload: 0 means that the"
              " file on disk is not what runs.", "short",
              (most(series("config_generation"), "instance"), "generation"),
              (most(series("config_last_reload_successful"), "instance"), "last reload"), width=8),
        graph("Time since start", "Falls to 0 when an instance is restarted.", "s",
              (f"time() - {series('start_time_seconds')}", "{{instance}}")),
        graph("Log lines dropped", "Lines of the access log and of the control log that were thrown away because"
              " whoever reads them is too slow. Sessions are not held up. Any is bad.", "cps",
              (rate("access_log_dropped_total"), "{{instance}} access log"),
              (rate("log_dropped_total"), "{{instance}} control log")),
        graph("Access log lines", "Lines written a second: one for each session that ended. left out: on purpose, by"
              " log.access_sample or log.access_rate.", "cps",
              (rate("access_log_lines_total"), "{{instance}}"),
              (total(rate("access_log_left_out_total"), "instance", "reason"), "{{instance}} left out: {{reason}}")),
        graph("Reloads asked for", "Accepted and refused, within the last hour.", "short",
              (total(f"increase({series('config_reloads_total')}[1h])", "instance", "result"),
               "{{instance}} {{result}}")),
    )


def _admin():
    return row(
        "Admin API",
        graph("Requests", "Answered, by status. Whatever changed something has a line in the log with who asked.",
              "reqps", (total(rate("admin_requests_total"), "instance", "code"), "{{instance}} {{code}}")),
        graph("Requests refused", "token: somebody guesses. timeout: the main thread is stuck. The other reasons are"
              " mistakes of clients.", "reqps",
              (total(rate("admin_requests_refused_total"), "instance", "reason"), "{{instance}} {{reason}}")),
        graph("Connections", "Open now, at most 256, and those a second that ended without their answer.", "short",
              (series("admin_connections"), "{{instance}} open"),
              (total(rate("admin_connections_dropped_total"), "instance", "cause"),
               "{{instance}} dropped: {{cause}}")),
    )


def make():
    return board("millrace-overview", "Whether Millrace serves well: traffic, errors, latency, saturation.",
                 ("listener", "upstream"), _now(), _traffic(), _errors(), _latency(), _saturation(),
                 _instances(), _admin())

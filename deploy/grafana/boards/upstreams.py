"""Upstreams: which endpoints are used, how they answer, and whether queues and pools help."""

from boards.panels import (UPSTREAM, board, graph, most, number, quantile, rate, row, series, share, states,
                           table, total)

CHECKOUTS = 'result=~"hit|miss"'


def _now():
    usable = (f"sum({series('endpoint_healthy', UPSTREAM)} * on (job, instance, upstream, endpoint)"
              f" (1 - {series('endpoint_ejected', UPSTREAM)})) / count({series('endpoint_healthy', UPSTREAM)})")
    attempts = (f"({total(rate('upstream_connect_seconds_count', UPSTREAM))} +"
                f" ({total(rate('upstream_connect_failures_total', UPSTREAM))} or vector(0)))")
    return row(
        "Now",
        number("Endpoints in use", "Share of the endpoints that may get sessions. Below 70 % the others carry their"
               " load.", "percentunit", usable,
               defaults={"thresholds": {"mode": "absolute", "steps": [
                   {"color": "red", "value": None}, {"color": "orange", "value": 0.7},
                   {"color": "green", "value": 0.99}]}}),
        number("Share of connects that failed", "Of all attempts, pools included. Above 5 % an endpoint is down or"
               " overloaded.", "percentunit",
               f"({total(rate('upstream_connect_failures_total', UPSTREAM))} or vector(0)) / ({attempts} > 0)",
               thresholds=[(0.01, "orange"), (0.05, "red")]),
        number("Connect time, p99", "Of connects that succeeded. 1 s is a lost SYN or a full accept queue.", "s",
               quantile(0.99, "upstream_connect_seconds", UPSTREAM), thresholds=[(0.25, "orange"), (1, "red")]),
        number("Sessions in queues", "Waiting for a place now. Must fall to 0 again.", "short",
               total(series("upstream_queue_length", UPSTREAM)), thresholds=[(1, "orange")]),
        number("Pool hits", "Share of sessions of upstreams with a pool that found a connection ready.", "percentunit",
               share(total(rate("pool_checkouts_total", UPSTREAM, 'result="hit"')),
                     total(rate("pool_checkouts_total", UPSTREAM, CHECKOUTS))), color_mode="none"),
        number("Stale connections a second", "Pooled connections that were dead when a session took them. Any steady"
               " rate: pool.max_age is longer than the service's idle timeout.", "cps",
               total(rate("pool_checkouts_total", UPSTREAM, 'result="stale"')), thresholds=[(0.1, "orange")]),
    )


def _endpoints():
    labels = ("instance", "upstream", "endpoint")
    return row(
        "Endpoints",
        states("State of endpoints", "1: in use. 0: unhealthy by checks. 2: ejected for what sessions met there.",
               (most(f"{series('endpoint_ejected', UPSTREAM)} * 2 > 0 or {series('endpoint_healthy', UPSTREAM)}",
                     *labels), "{{upstream}} {{endpoint}} ({{instance}})"),
               words=[(0, "unhealthy", "red"), (1, "in use", "green"), (2, "ejected", "orange")]),
        states("Ordered by the operator", "What the admin API has ordered and the file does not say. drain and"
               " maintenance: no new sessions. A reload drops it unless told to keep it.",
               (most(series("endpoint_admin_state", UPSTREAM), *labels), "{{upstream}} {{endpoint}} ({{instance}})"),
               words=[(0, "ready", "green"), (1, "drain", "orange"), (2, "maintenance", "purple")]),
        graph("Sessions by endpoint", "Open now. An endpoint far from its share has another weight, is being slow"
              " started, or its sessions last longer.", "short",
              (total(series("endpoint_sessions_active", UPSTREAM), "upstream", "endpoint"),
               "{{upstream}} {{endpoint}}")),
        graph("Connects that failed", "By endpoint and cause. refused: nobody listens. timeout: overloaded or a filter."
              " unreachable: routes.", "cps",
              (total(rate("upstream_connect_failures_total", UPSTREAM), "upstream", "endpoint", "cause"),
               "{{upstream}} {{endpoint}} {{cause}}")),
        graph("Health checks that failed", "By endpoint and result. resource is trouble of Millrace itself.", "cps",
              (total(rate("health_checks_total", UPSTREAM, 'result!="passed"'), "upstream", "endpoint", "result"),
               "{{upstream}} {{endpoint}} {{result}}")),
        graph("Time of health checks", "p99 of checks that passed. Close to health.timeout: they will soon fail.", "s",
              (quantile(0.99, "health_check_seconds", UPSTREAM, "upstream"), "{{upstream}}")),
        graph("Ejections", "Times an endpoint was taken out for what sessions met, in the last hour.", "short",
              (total(f"increase({series('outlier_ejections_total', UPSTREAM)}[1h])", "upstream", "endpoint",
                     "cause"), "{{upstream}} {{endpoint}} {{cause}}")),
        table("Endpoints now", "healthy and ejected are 1 or 0; sessions are those open; limit 0 means none.", "short",
              (most(series("endpoint_healthy", UPSTREAM), *labels), "healthy"),
              (most(series("endpoint_ejected", UPSTREAM), *labels), "ejected"),
              (most(series("endpoint_sessions_active", UPSTREAM), *labels), "sessions"),
              (most(series("endpoint_max_sessions", UPSTREAM), *labels), "limit"), width=8),
    )


def _connects():
    sent = rate("endpoint_retransmits_total", UPSTREAM)
    return row(
        "Connects and the way to endpoints",
        graph("Connect time", "p50 and p99 of connects that succeeded. Steps to 1 s and 3 s are SYNs sent again.", "s",
              (quantile(0.5, "upstream_connect_seconds", UPSTREAM, "upstream"), "{{upstream}} p50"),
              (quantile(0.99, "upstream_connect_seconds", UPSTREAM, "upstream"), "{{upstream}} p99")),
        graph("Connects under way", "Pools included. A number that stays up: somebody does not answer.", "short",
              (total(series("upstream_connecting", UPSTREAM), "upstream"), "{{upstream}}")),
        graph("Attempts on another endpoint", "made: a session was saved. refused: the retry budget is used up, the"
              " upstream is down as a whole.", "cps",
              (total(rate("upstream_retries_total", UPSTREAM), "upstream", "result"), "{{upstream}} {{result}}")),
        graph("Round trip time", "p90 by endpoint, as the kernel knows it. One endpoint apart from the others is farther"
              " away or its network is full.", "s",
              (quantile(0.9, "endpoint_rtt_seconds", UPSTREAM, "upstream", "endpoint"), "{{upstream}} {{endpoint}}")),
        graph("Segments sent again", "Retransmissions to endpoints: loss on the way.", "pps",
              (total(sent, "upstream", "endpoint"), "{{upstream}} {{endpoint}}")),
        graph("Retransmissions for each look", "Retransmissions divided by the looks at connections"
              " (endpoint_path_samples): loss that does not depend on traffic.", "short",
              (share(total(sent, "upstream"), total(rate("endpoint_path_samples_total", UPSTREAM), "upstream")),
               "{{upstream}}")),
    )


def _limits():
    def full(now, most_of):
        return f"{series(now, UPSTREAM)} / ({series(most_of, UPSTREAM)} > 0)"

    return row(
        "Limits and queues",
        graph("How full upstreams are", "Sessions against limits.max_sessions; upstreams without one are not shown. At 1"
              " sessions wait or are turned away.", "percentunit",
              (full("upstream_sessions_active", "upstream_max_sessions"), "{{instance}} {{upstream}}"),
              thresholds=[(0.9, "red")]),
        graph("How full max_connecting is", "Connects under way against limits.max_connecting.", "percentunit",
              (full("upstream_connecting", "upstream_max_connecting"), "{{instance}} {{upstream}}"),
              thresholds=[(0.9, "red")]),
        graph("How full queues are", "Waiting sessions against limits.queue. At 1 sessions end with queue_full.",
              "percentunit", (full("upstream_queue_length", "upstream_queue_max"), "{{instance}} {{upstream}}"),
              thresholds=[(0.9, "red")]),
        graph("Time in queues", "p99 of sessions that left the queue, served or not. Close to limits.queue_timeout they"
              " are not served.", "s",
              (quantile(0.99, "upstream_queue_seconds", UPSTREAM, "upstream"), "{{upstream}}")),
        graph("Sessions that a limit ended", "queue_full, queue_timeout and limit.", "cps",
              (total(rate("sessions_total", UPSTREAM, 'cause=~"queue_full|queue_timeout|limit"'), "upstream", "cause"),
               "{{upstream}} {{cause}}")),
        graph("Sessions at upstreams", "Past the queue: connecting or relaying.", "short",
              (total(series("upstream_sessions_active", UPSTREAM), "upstream"), "{{upstream}}")),
    )


def _pools():
    pooled = f"on (job, instance, upstream) ({series('pool_idle_max', UPSTREAM)} > 0)"
    return row(
        "Pools",
        graph("Connections in pools", "idle are ready. idle at 0 under load: the pool is too small or the endpoints"
              " refuse.", "short",
              (total(f"{series('pool_connections', UPSTREAM)} and {pooled}", "upstream", "state"),
               "{{upstream}} {{state}}"),
              (total(f"{series('pool_target', UPSTREAM)} and {pooled}", "upstream"), "{{upstream}} target")),
        graph("What sessions found", "hit: ready. miss: had to connect. stale: was dead. Upstreams with a pool only.",
              "cps", (total(f"{rate('pool_checkouts_total', UPSTREAM)} and {pooled}", "upstream", "result"),
                      "{{upstream}} {{result}}")),
        graph("Share of misses", "Above 1 % the pool could be larger (pool.idle, pool.idle_max). 100 %: no pool works.",
              "percentunit",
              (share(total(f"{rate('pool_checkouts_total', UPSTREAM, 'result=' + chr(34) + 'miss' + chr(34))}"
                           f" and {pooled}", "upstream"),
                     total(f"{rate('pool_checkouts_total', UPSTREAM, CHECKOUTS)} and {pooled}", "upstream")),
               "{{upstream}}")),
        graph("Pooled connections closed unused", "aged: pool.max_age. closed: by the service, which should not be the"
              " first. excess: demand fell.", "cps",
              (total(rate("pool_discarded_total", UPSTREAM), "upstream", "cause"), "{{upstream}} {{cause}}")),
        graph("Connect time saved", "Seconds of waiting a second that hits did not have.", "s",
              (total(rate("pool_saved_seconds_total", UPSTREAM), "upstream"), "{{upstream}}")),
        graph("Size of pools against the most", "Target against idle_max times the endpoints. At 1 the pool could be"
              " larger.", "percentunit",
              (f"{series('pool_target', UPSTREAM)} / on (job, instance, upstream)"
               f" (({series('pool_idle_max', UPSTREAM)} > 0) * on (job, instance, upstream)"
               f" count by (job, instance, upstream) ({series('endpoint_healthy', UPSTREAM)}))",
               "{{instance}} {{upstream}}")),
    )


def _dns_and_monitor():
    succeeded = series("dns_last_success_timestamp_seconds", UPSTREAM)
    return row(
        "DNS and the monitor",
        graph("Lookups", "By result. Anything but ok at a steady rate: old addresses are in use.", "cps",
              (total(rate("dns_lookups_total", UPSTREAM), "upstream", "result"), "{{upstream}} {{result}}")),
        graph("Addresses", "Endpoints from the DNS. 0 is an upstream that serves nobody.", "short",
              (series("dns_addresses", UPSTREAM), "{{instance}} {{upstream}}")),
        graph("Time since the last good answer", "Over a few times dns.refresh_max: the DNS does not answer.", "s",
              (f"time() - ({succeeded} > 0)", "{{instance}} {{upstream}}")),
        graph("Addresses not used", "own_listener would go round in circles; unusable; too_many.", "cps",
              (total(rate("dns_addresses_ignored_total", UPSTREAM), "upstream", "cause"), "{{upstream}} {{cause}}")),
        graph("Health checks under way and waiting", "waiting above 0 for long: more endpoints are silent than the monitor"
              " can wait for. max is the bound.", "short",
              (series("monitor_checks_active"), "{{instance}} active"),
              (series("monitor_checks_waiting"), "{{instance}} waiting"),
              (series("monitor_checks_max"), "{{instance}} max")),
        graph("The monitor", "Share of a CPU that the monitor uses, and reports of workers that did not fit into its queue."
              " Over 0.1 it is late.", "short",
              (rate("monitor_busy_seconds_total"), "{{instance}} busy"),
              (rate("monitor_evidence_dropped_total"), "{{instance}} reports dropped a second")),
    )


def make():
    return board("millrace-upstreams", "Endpoints, connects, queues, pools, DNS and health checks.", ("upstream",),
                 _now(), _endpoints(), _connects(), _limits(), _pools(), _dns_and_monitor())

"""For each alert of deploy/prometheus: series on which it fires, with the labels and the value that it then
shows, and series on which it is silent. In the notation of `promtool test rules`, one value a minute:
"0+60x30" is a counter that grows by 60, "1x30" stays 1, "_x5" is missing."""

JOB = 'job="millrace",instance="m1:9464"'
# No series is expected to have other values on it than this; the test adds the labels.
IDENTITY = {"job": "millrace", "instance": "m1:9464"}


class Case:
    """at: the minute at which it is asked. fires, silent: {series: values}, series without our prefix and
    without job and instance. labels: those that the alert has besides. value: as the texts show it."""

    def __init__(self, alert, at, fires, silent, labels=None, value="", identity=None):
        self.alert, self.at, self.value = alert, at, value
        self.fires, self.silent = ({_series(name): values for name, values in given.items()}
                                   for given in (fires, silent))
        self.labels = {**(IDENTITY if identity is None else identity), **(labels or {})}


def _series(name):
    name, _, labels = name.partition("{")
    if not name.startswith(("up", "probe_", "process_")) or name.startswith("upstream"):
        name = "millrace_" + name
    if 'instance="' in labels or 'job="' in labels:
        return f"{name}{{{labels}"
    return f"{name}{{{JOB}{',' + labels if labels else '}'}"


WEB = {"listener": "web"}
APP = {"upstream": "app"}
BUILD = {'build_info{version="0.1.0",transport="epoll"}': "1x60"}


def _histogram(name, labels, fast, slow):
    """Counts a minute of what took less than 5 ms, and of what took between 1 s and 2.5 s."""
    comma = labels + ","
    return {f'{name}_bucket{{{comma}le="0.005"}}': f"0+{fast}x60",
            f'{name}_bucket{{{comma}le="1"}}': f"0+{fast}x60",
            f'{name}_bucket{{{comma}le="2.5"}}': f"0+{fast + slow}x60",
            f'{name}_bucket{{{comma}le="+Inf"}}': f"0+{fast + slow}x60"}


def _endpoints(*states):
    """Each is (healthy, ejected)."""
    made = {}
    for number, (healthy, ejected) in enumerate(states):
        labels = f'upstream="app",endpoint="10.0.0.{number}:80"'
        made[f"endpoint_healthy{{{labels}}}"] = f"{healthy}x60"
        made[f"endpoint_ejected{{{labels}}}"] = f"{ejected}x60"
    return made


def _ends(cause, failed, well):
    return {f'sessions_total{{listener="web",upstream="app",actor="proxy",cause="{cause}"}}': f"0+{failed}x60",
            'sessions_total{listener="web",upstream="app",actor="client",cause="eof"}': f"0+{well}x60"}


def _rejects(reason, rejected, accepted):
    return {f'listener_rejected_total{{listener="web",reason="{reason}"}}': f"0+{rejected}x60",
            'listener_accepted_total{listener="web"}': f"0+{accepted}x60"}


def _connects(failed, made):
    return {'upstream_connect_failures_total{upstream="app",endpoint="10.0.0.1:80",cause="connect_refused"}':
            f"0+{failed}x60", 'upstream_connect_seconds_count{upstream="app"}': f"0+{made}x60"}


def _checkouts(hit, miss, stale, target=8):
    return {'pool_checkouts_total{upstream="app",result="hit"}': f"0+{hit}x60",
            'pool_checkouts_total{upstream="app",result="miss"}': f"0+{miss}x60",
            'pool_checkouts_total{upstream="app",result="stale"}': f"0+{stale}x60",
            'pool_target{upstream="app"}': f"{target}x60"}


def _transport(name, extra, value):
    return {f'{name}{{transport="epoll",worker="0"{extra}}}': value}


INSTANCE = [
    Case("MillraceDown", 2, {"up": "0x9"}, {"up": "1x9"}),
    # Another job is no Millrace, and neither is the exporter that asks /readyz.
    Case("MillraceAbsent", 6, {'up{job="node",instance="m1:9100"}': "1x9",
                               'up{job="millrace-readyz",instance="http://m1:9464/readyz"}': "1x9"},
         {"up": "1x9"}, identity={}),
    Case("MillraceNotReady", 3, {"probe_success": "0x9"}, {"probe_success": "1x9"}),
    Case("MillraceRestarting", 10, {"start_time_seconds": "100 200 200 300 300 300 400 400 400 400 400"},
         {"start_time_seconds": "100 100 100 100 200 200 200 200 200 200 200"}, value="3"),
    Case("MillraceReloadFailed", 6, {"config_last_reload_successful": "0x9"},
         {"config_last_reload_successful": "0 0 0 1x9"}),
    Case("MillraceVersionSkew", 130,
         {'build_info{version="0.1.0",transport="epoll"}': "1x140",
          'build_info{version="0.2.0",transport="epoll"}': "1x140"},
         # A roll-out of an hour.
         {'build_info{version="0.1.0",transport="epoll"}': "1x60",
          'build_info{version="0.2.0",transport="epoll"}': "1x140"},
         value="2", identity={"job": "millrace"}),
    Case("MillraceDescriptorsHigh", 6, {**BUILD, "process_open_fds": "900x9", "process_max_fds": "1000x9"},
         {**BUILD, "process_open_fds": "700x9", "process_max_fds": "1000x9",
          # Another program's descriptors are its own affair.
          'process_open_fds{job="node",instance="n"}': "99x9",
          'process_max_fds{job="node",instance="n"}': "100x9"}, value="90%"),
    Case("MillraceAccessLogDropped", 15, {"access_log_dropped_total": "0+120x60", "log_dropped_total": "0x60"},
         {"access_log_dropped_total": "7x60", "log_dropped_total": "1x60"}, value="2"),
]

SESSIONS = [
    Case("MillraceSessionsFailing", 12, _ends("no_endpoint", 6, 54),
         {**_ends("no_endpoint", 1, 59),
          # How clients leave is not a failure.
          'sessions_total{listener="web",upstream="app",actor="client",cause="reset"}': "0+60x60"}, APP, "10%"),
    Case("MillraceOutOfResources", 9, {**_ends("resource", 60, 60), **_rejects("resource", 0, 60)},
         {**_ends("resource", 0, 60), **_rejects("limit", 60, 60), **_rejects("resource", 0, 60)}, value="1"),
    Case("MillraceOutOfResources", 9, {**_ends("resource", 0, 60), **_rejects("resource", 120, 600)},
         {**_ends("resource", 0, 60), **_rejects("resource", 0, 60)}, value="2"),
    Case("MillraceInternalErrors", 20, _ends("internal", 1, 60), _ends("internal", 0, 60), value="15"),
    Case("MillraceClientsRejected", 12, _rejects("limit", 6, 60), _rejects("limit", 0, 60), WEB, "10%"),
    Case("MillraceListenerPaused", 3, {'listener_paused{listener="web"}': "2x9"},
         {'listener_paused{listener="web"}': "2 0x9"}, WEB, "2"),
    Case("MillraceListenerNearLimit", 12,
         {'sessions_active{listener="web",upstream="app"}': "90x60",
          'sessions_active{listener="web",upstream="other"}': "5x60",
          'listener_max_sessions{listener="web"}': "100x60"},
         # One below its limit, and one that has none.
         {'sessions_active{listener="web",upstream="app"}': "50x60",
          'listener_max_sessions{listener="web"}': "100x60",
          'sessions_active{listener="free",upstream="app"}': "5000x60",
          'listener_max_sessions{listener="free"}': "0x60"}, WEB, "95%"),
    Case("MillraceAcceptFailures", 9,
         _transport("transport_accept_failures_total", ',cause="descriptors"', "0+60x60"),
         {**_transport("transport_accept_failures_total", ',cause="descriptors"', "3x60"),
          # Clients that had gone again.
          **_transport("transport_accept_failures_total", ',cause="aborted"', "0+60x60")},
         {"cause": "descriptors"}, "1"),
    Case("MillraceSlowSetup", 20, _histogram("session_setup_seconds", 'listener="web",pool="miss"', 0, 60),
         _histogram("session_setup_seconds", 'listener="web",pool="miss"', 600, 1), WEB, "2.485s"),
]

UPSTREAMS = [
    Case("MillraceNoUsableEndpoint", 2, _endpoints((0, 0), (1, 1)), _endpoints((0, 0), (1, 0)), APP),
    Case("MillraceEndpointsOut", 8, _endpoints((0, 0), (1, 1), (1, 0), (1, 0)),
         _endpoints((0, 0), (1, 0), (1, 0), (1, 0)), APP, "50%"),
    Case("MillraceConnectFailures", 12, _connects(6, 54), _connects(1, 599), APP, "10%"),
    Case("MillraceEndpointEjectedOften", 60,
         {'outlier_ejections_total{upstream="app",endpoint="10.0.0.1:80",cause="resets"}': "0+1x60"},
         {'outlier_ejections_total{upstream="app",endpoint="10.0.0.1:80",cause="resets"}': "0x30 2x30"},
         {**APP, "endpoint": "10.0.0.1:80"}, "60"),
    Case("MillraceUpstreamNearLimit", 12,
         {'upstream_sessions_active{upstream="app"}': "95x60", 'upstream_max_sessions{upstream="app"}': "100x60"},
         {'upstream_sessions_active{upstream="app"}': "85x60", 'upstream_max_sessions{upstream="app"}': "100x60",
          'upstream_sessions_active{upstream="free"}': "85x60", 'upstream_max_sessions{upstream="free"}': "0x60"},
         APP, "95%"),
    Case("MillraceQueueGrowing", 10, {'upstream_queue_length{upstream="app"}': "3+1x60"},
         {'upstream_queue_length{upstream="app"}': "3 9 0 5 2 0 7 4 0 6 0 3"}, APP, "8"),
    Case("MillracePoolMisses", 30, _checkouts(48, 12, 0), {**_checkouts(600, 1, 0),
         # An upstream without a pool misses always.
         'pool_checkouts_total{upstream="plain",result="miss"}': "0+60x60", 'pool_target{upstream="plain"}': "0x60"},
         APP, "20%"),
    Case("MillracePoolStale", 30, _checkouts(60, 0, 6), _checkouts(600, 0, 1), APP, "10%"),
    Case("MillraceDnsFailing", 20, {'dns_last_success_timestamp_seconds{upstream="app"}': "60x60"},
         # Answered all the time, and a name that was never answered: that is MillraceDnsNoAddress.
         {'dns_last_success_timestamp_seconds{upstream="app"}': "1+60x60",
          'dns_last_success_timestamp_seconds{upstream="never"}': "0x60"}, APP, "19m 0s"),
    Case("MillraceDnsNoAddress", 3, {'dns_addresses{upstream="app"}': "0x9"},
         {'dns_addresses{upstream="app"}': "2x9"}, APP),
]

WORKERS = [
    Case("MillraceWorkerBusy", 16, {'worker_busy_seconds_total{worker="0"}': "0+57x60"},
         {'worker_busy_seconds_total{worker="0"}': "0+48x60"}, {"worker": "0"}, "95%"),
    Case("MillraceWorkerSlow", 20, _histogram("worker_loop_seconds", 'worker="0"', 0, 60),
         _histogram("worker_loop_seconds", 'worker="0"', 6000, 1), {"worker": "0"}, "2.485s"),
    Case("MillraceHealthChecksBehind", 10, {"monitor_checks_waiting": "5x60"},
         {"monitor_checks_waiting": "5 0 9 0 7 0 8 0 6 0 5 0"}, value="5"),
    Case("MillraceHealthChecksBroken", 12,
         {'health_checks_total{upstream="app",endpoint="10.0.0.1:80",result="resource"}': "0+60x60"},
         # Endpoints in trouble are not Millrace in trouble.
         {'health_checks_total{upstream="app",endpoint="10.0.0.1:80",result="refused"}': "0+60x60",
          'health_checks_total{upstream="app",endpoint="10.0.0.1:80",result="resource"}': "2x60"}, value="1"),
    Case("MillraceConnectsRefusedHere", 12,
         {**_transport("transport_connects_refused_total", "", "0+60x60"),
          **_transport("transport_sources_exhausted_total", "", "0x60")},
         {**_transport("transport_connects_refused_total", "", "4x60"),
          **_transport("transport_sources_exhausted_total", "", "4x60")}, value="1"),
    Case("MillraceConnectsRefusedHere", 12,
         {**_transport("transport_connects_refused_total", "", "0x60"),
          **_transport("transport_sources_exhausted_total", "", "0+60x60")},
         {**_transport("transport_connects_refused_total", "", "0x60"),
          **_transport("transport_sources_exhausted_total", "", "0x60")}, value="1"),
    Case("MillraceEngineRefused", 12, {'transport_refused_transports{transport="io_uring",cause="denied"}': "3x60"},
         {'transport_refused_transports{transport="io_uring",cause="denied"}': "0x60"},
         {"transport": "io_uring", "cause": "denied"}, "3"),
    Case("MillraceBulkCopied", 25,
         {**_transport("transport_bulk_refused_total", ',cause="pipes_exhausted"', "0+120x60"),
          **_transport("transport_pipes_shrunk_total", "", "0x60")},
         {**_transport("transport_bulk_refused_total", ',cause="pipes_exhausted"', "0+6x60"),
          **_transport("transport_pipes_shrunk_total", "", "0+6x60")}, value="2"),
    Case("MillraceBulkCopied", 25,
         {**_transport("transport_bulk_refused_total", ',cause="pipes_exhausted"', "0x60"),
          **_transport("transport_pipes_shrunk_total", "", "0+180x60")},
         {**_transport("transport_bulk_refused_total", ',cause="pipes_exhausted"', "0x60"),
          **_transport("transport_pipes_shrunk_total", "", "0x60")}, value="3"),
]


def _packets(reason, values):
    return {f'packets_dropped_total{{transport="dpdk",worker="0",reason="{reason}"}}': values}


DPDK = [
    Case("MillracePacketsLost", 12,
         {'port_packets_total{worker="0",port="0",what="receive_missed"}': "0+600x60"},
         {'port_packets_total{worker="0",port="0",what="receive_missed"}': "0+6x60",
          'port_packets_total{worker="0",port="0",what="received"}': "0+6000x60"},
         {"port": "0", "what": "receive_missed"}, "10"),
    Case("MillracePacketsDropped", 9, _packets("table_full", "0+60x60"),
         {**_packets("table_full", "5x60"), **_packets("not_for_us", "0+6000x60")},
         {"reason": "table_full"}, "1"),
    Case("MillracePacketsForged", 12, _packets("bad_cookie", "0+60000x60"), _packets("bad_cookie", "0+600x60"),
         {"reason": "bad_cookie"}, "1k"),
]

CASES = INSTANCE + SESSIONS + UPSTREAMS + WORKERS + DPDK

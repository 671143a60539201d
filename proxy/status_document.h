// What the program is and does, as one JSON document: GET /status.json on the metrics port and
// /v1/status of the admin API. The status page, `millrace top` and `millrace ctl` read it. Built on
// the thread that asks, from the words that the workers and the monitor count in: reads only, so it
// costs them nothing. docs/status-page.md lists the fields; they are public.
//
// Counters (…_total, bytes_*, setup_seconds) are of the whole life of the process and never fall,
// whatever a reload removes: a client takes two documents and divides the difference by that of
// `now`. The lists have what the configuration names, in its order; after them, with "removed":
// true, what a reload or the DNS has taken away and still has sessions.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "proxy/access_log.h"
#include "proxy/program_status.h"
#include "proxy/worker_metrics.h"

namespace proxy {

// All must outlive the call.
struct StatusSources {
  const ProgramStatus& status;
  const MetricsCatalog& catalog;
  const AccessLog& access_log;
};

// Any thread. Times are seconds since 1970, durations seconds. What /proc does not tell is null.
nlohmann::json status_document(const StatusSources& sources);

// The text of a document, with a newline at its end. Never throws: bytes that are no UTF-8 are
// replaced.
std::string to_text(const nlohmann::json& document);

}  // namespace proxy

#include "proxy/session_evidence.h"

#include "proxy/session_ends.h"

namespace proxy {
namespace {

bool wanted(const EvidenceLog* evidence, const Session& session) {
  return evidence != nullptr && session.upstream().config().outlier.has_value();
}

void push(EvidenceLog& evidence, const Session& session, Outcome outcome, base::Nanos now) {
  evidence.push({.endpoint = session.endpoint->series, .at = now, .outcome = outcome});
}

// Well endpoints cost nothing.
bool suspected(const Session& session) {
  return session.endpoint->series->verdict.suspected.load(std::memory_order_relaxed);
}

}  // namespace

void report_connected(EvidenceLog* evidence, const Session& session, base::Nanos now) {
  if (!wanted(evidence, session) || !suspected(session)) return;
  push(*evidence, session, Outcome::kConnected, now);
}

void report_connect_failed(EvidenceLog* evidence, const Session& session, Cause cause,
                           base::Nanos now) {
  if (!wanted(evidence, session) || !is_fault_of_endpoint(cause)) return;
  push(*evidence, session, Outcome::kConnectFailed, now);
}

void report_relay_done(EvidenceLog* evidence, const Session& session, EndReason reason,
                       base::Nanos now) {
  if (!wanted(evidence, session)) return;
  const bool served = session.progress.bytes[index_of(backends::Direction::kToClient)] > 0;
  if (served) {
    if (suspected(session)) push(*evidence, session, Outcome::kServed, now);
  } else if (reason == EndReason{Actor::kUpstream, Cause::kReset}) {
    push(*evidence, session, Outcome::kResetEarly, now);
  }
}

}  // namespace proxy

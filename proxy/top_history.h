// The last status documents of one process, and what can only be said from several of them: rates,
// latencies of now, and how it went. Pure but for what add() keeps; one thread.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "proxy/top_status.h"

namespace proxy {

// One document's figures for the charts.
struct TopSample {
  double sessions = 0;
  double accepted = 0;  // A second.
  TopBytes bytes{};     // A second.
};

// The latest document and its rates, all a second. The lists are in the order of those of the
// document. No value: it cannot be said yet, as there is one document only, or it is new in this
// one.
struct TopFigures {
  TopStatus status;
  std::optional<TopCounters> totals;
  std::vector<std::optional<TopCounters>> listeners;
  std::vector<std::optional<TopCounters>> upstreams;
  std::vector<std::optional<double>> busy;  // Of workers: 0 to 1.
  std::vector<std::optional<double>> ends;
  std::optional<double> setup_p50, setup_p99;  // Seconds; none when no session was set up.
  std::optional<double> cpu;                   // In cores.
  std::optional<double> log_dropped;
  std::vector<TopSample> samples;  // The oldest first.
};

class TopHistory {
 public:
  // False: the document is of another process than the one before, or its clock was set back, so
  // that the history begins again.
  bool add(TopStatus status);

  // add() must have been called.
  TopFigures figures() const;

 private:
  std::deque<TopStatus> documents_;  // The oldest first.
  std::deque<TopSample> samples_;
};

// The q-quantile (0 to 1) in seconds of what came between two histograms; none when nothing came.
// Even inside a bucket; what is beyond the last bound counts as that bound.
std::optional<double> quantile(double q, const TopLatency& now, const TopLatency& earlier);

}  // namespace proxy

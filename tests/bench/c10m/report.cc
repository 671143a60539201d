#include "tests/bench/c10m/report.h"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace bench::c10m {

namespace {

using backends::dpdk::kLinkDrops;
using backends::dpdk::splice_core::kDropReasons;

// The targets (docs/dpdk.md).
constexpr std::uint64_t kPairsTarget = 10'000'000;
constexpr double kBytesTarget4 = 128;
constexpr double kBytesTarget6 = 192;
constexpr double kPacketsTarget = 15e6;
constexpr double kOpensTarget = 4e6;
constexpr double kLivesTarget = 1e6;
constexpr double kSweepTargetMs = 60;
constexpr double kGoodputTarget = 0.8;

std::string text(const char* format, double value) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, value);  // NOLINT(*-vararg)
  return buffer.data();
}

double to_us(base::Nanos time) { return static_cast<double>(time.count()) / 1e3; }
double to_ms(base::Nanos time) { return static_cast<double>(time.count()) / 1e6; }

double per_second(std::uint64_t count, base::Nanos time) {
  return time.count() > 0 ? static_cast<double>(count) / base::to_seconds(time) : 0;
}

double bytes_per_pair(const Findings& findings) {
  if (findings.pairs_held == 0) return 0;
  return static_cast<double>(findings.resident_after - findings.resident_before) /
         static_cast<double>(findings.pairs_held);
}

const Phase* find_phase(const Findings& findings, std::string_view name) {
  const auto found = std::ranges::find(findings.phases, name, &Phase::name);
  return found == findings.phases.end() ? nullptr : &*found;
}

// A rate as it was measured, and what the same cycles are at the processor's nominal speed: beside
// other virtual machines it may be far from that.
std::string rate_text(double rate, const CpuSpeed::Sum& speed, double nominal) {
  std::string out = text("%.2f M", rate / 1e6);
  if (gigahertz(speed) <= 0) return out;
  return out + text(" (%.2f M", rate / 1e6 * nominal / gigahertz(speed)) +
         text(" at %.1f GHz)", nominal);
}

Verdict at_least(double value, double target) {
  return value >= target ? Verdict::kMet : Verdict::kMissed;
}
Verdict at_most(double value, double target) {
  return value <= target ? Verdict::kMet : Verdict::kMissed;
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kMet:
      return "PASS";
    case Verdict::kMissed:
      return "FAIL";
    case Verdict::kNotAsked:
      break;
  }
  return "-";
}

std::uint64_t errors_of(const Findings& findings) {
  return findings.integrity.total() + findings.mismatched;
}

void judge_hold(const Run& run, std::vector<Judgement>& out) {
  const Findings& found = *run.hold;
  const bool large = found.pairs_held >= kPairsTarget;
  const auto only_large = [&](Verdict verdict) { return large ? verdict : Verdict::kNotAsked; };
  out.push_back(
      {"pairs at once without an integrity error", "10,000,000",
       std::to_string(found.pairs_held) + ", " + std::to_string(errors_of(found)) + " errors",
       errors_of(found) == 0 ? only_large(Verdict::kMet) : Verdict::kMissed});
  const double bytes_target = run.v6 ? kBytesTarget6 : kBytesTarget4;
  const double bytes = bytes_per_pair(found);
  // What a small run holds is mostly what every engine holds.
  out.push_back({"resident bytes a pair", text("<= %.0f", bytes_target), text("%.1f", bytes),
                 only_large(at_most(bytes, bytes_target))});
  if (const Phase* const phase = find_phase(found, "exchange, random pairs")) {
    const double rate = per_second(phase->received, phase->engine);
    out.push_back({"packets a second and core, random pairs", ">= 15 M", text("%.2f M", rate / 1e6),
                   only_large(at_least(rate, kPacketsTarget))});
  }
  if (const Phase* const phase = find_phase(found, "open and attach clients")) {
    const double rate = per_second(phase->count, phase->engine);
    out.push_back({"opens a second and core", ">= 4 M",
                   rate_text(rate, phase->speed, run.nominal_ghz),
                   only_large(at_least(rate, kOpensTarget))});
  }
  out.push_back(
      {"sweep over all pairs", "<= 60 ms",
       text("%.1f ms", to_ms(found.sweep)) +
           text(" (%.1f ms", to_ms(found.sweep) * gigahertz(found.sweep_speed) / run.nominal_ghz) +
           text(" at %.1f GHz)", run.nominal_ghz),
       only_large(at_most(to_ms(found.sweep), kSweepTargetMs))});
  if (found.goodput_share > 0) {
    out.push_back({"goodput in the flood, of that without", ">= 80 %",
                   text("%.0f %%", found.goodput_share * 100),
                   at_least(found.goodput_share, kGoodputTarget)});
  }
}

// The reasons that were met, and how often.
std::vector<std::pair<std::string, std::uint64_t>> drops_of(const Findings& findings) {
  std::vector<std::pair<std::string, std::uint64_t>> drops;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (findings.core.drops.at(i) == 0) continue;
    const auto reason = static_cast<backends::dpdk::splice_core::DropReason>(i);
    drops.emplace_back(name_of(reason), findings.core.drops.at(i));
  }
  for (std::size_t i = 0; i < kLinkDrops; ++i) {
    if (findings.link.dropped.at(i) == 0) continue;
    const auto reason = static_cast<backends::dpdk::LinkDrop>(i);
    drops.emplace_back("link " + std::string(name_of(reason)), findings.link.dropped.at(i));
  }
  return drops;
}

void print_phases(const Findings& findings) {
  std::printf("%-28s %12s %9s %8s %9s %9s %7s %6s %13s\n", "phase, engine's time only", "count",
              "ms", "ns each", "M each/s", "ns/packet", "Mpps", "GHz", "cycles/packet");
  for (const Phase& phase : findings.phases) {
    const auto ns = static_cast<double>(phase.engine.count());
    const auto count = static_cast<double>(std::max<std::uint64_t>(phase.count, 1));
    const auto packets = static_cast<double>(std::max<std::uint64_t>(phase.received, 1));
    std::printf("%-28s %12llu %9.1f %8.1f %9.2f %9.1f %7.2f %6.2f %13.0f\n", phase.name.c_str(),
                static_cast<unsigned long long>(phase.count), ns / 1e6, ns / count,
                per_second(phase.count, phase.engine) / 1e6, ns / packets,
                per_second(phase.received, phase.engine) / 1e6, gigahertz(phase.speed),
                ns / packets * gigahertz(phase.speed));
  }
}

void print_counters(const Findings& findings) {
  const Integrity& bad = findings.integrity;
  std::printf(
      "integrity: frames %llu, checksums %llu, payloads %llu, numbers %llu, cross-talk %llu, "
      "states %llu, lost %llu, not a bijection %llu; %llu frames had their checksums verified\n",
      static_cast<unsigned long long>(bad.bad_frames),
      static_cast<unsigned long long>(bad.bad_checksums),
      static_cast<unsigned long long>(bad.bad_payloads),
      static_cast<unsigned long long>(bad.bad_numbers),
      static_cast<unsigned long long>(bad.cross_talk),
      static_cast<unsigned long long>(bad.bad_states), static_cast<unsigned long long>(bad.lost),
      static_cast<unsigned long long>(findings.mismatched),
      static_cast<unsigned long long>(findings.generator.verified));
  std::printf("drops:");
  for (const auto& [name, count] : drops_of(findings)) {
    std::printf(" %s %llu", name.c_str(), static_cast<unsigned long long>(count));
  }
  std::printf("%s\n", drops_of(findings).empty() ? " none" : "");
  std::printf(
      "repeated: window updates %llu, SYN-ACKs %llu, SYNs %llu; early segments %llu, "
      "replaced pairs %llu\n",
      static_cast<unsigned long long>(findings.core.attach_repeated),
      static_cast<unsigned long long>(findings.core.syn_acks_repeated),
      static_cast<unsigned long long>(findings.core.syns_repeated),
      static_cast<unsigned long long>(findings.core.early_held),
      static_cast<unsigned long long>(findings.core.replaced));
  for (const std::string& left : findings.leftovers) std::printf("LEFT OVER: %s\n", left.c_str());
}

void print_hold(const Run& run) {
  const Findings& found = *run.hold;
  std::printf("\n== %llu pairs at once, %s, payload %zu\n",
              static_cast<unsigned long long>(found.pairs_held), run.v6 ? "IPv6" : "IPv4",
              run.options.payload);
  print_phases(found);
  std::printf(
      "memory: %.1f MiB resident for the engine, %.1f bytes a pair; its tables say %.1f "
      "MiB; pages: %s\n",
      static_cast<double>(found.resident_after - found.resident_before) / 1048576,
      bytes_per_pair(found), static_cast<double>(found.table_bytes) / 1048576, found.pages.c_str());
  std::printf(
      "sweep: %.2f ms for all, longest slice of 65,536: %.3f ms; longest turn while ended "
      "pairs are freed: %.2f ms\n",
      to_ms(found.sweep), to_ms(found.sweep_slice), to_ms(found.longest_free));
  if (found.goodput_share > 0) {
    std::printf("flood: %.2f M SYNs/s, %llu in all; goodput %.1f %% of that without\n",
                run.options.flood_rate / 1e6,
                static_cast<unsigned long long>(found.generator.flood_sent),
                found.goodput_share * 100);
  }
  if (found.peak_rate > 0) {
    std::printf(
        "two threads: peak %.2f M requests/s, %.2f Mpps; round trip through the engine "
        "twice:\n",
        found.peak_rate / 1e6, found.peak_rate * 3 / 1e6);
  }
  for (const LatencyAt& each : found.latency) {
    std::printf(
        "  %3.0f %% load, %9.0f of %9.0f requests/s: p50 %.1f us, p99 %.1f us, p99.9 %.1f "
        "us, longest %.1f us\n",
        each.share * 100, each.reached, each.rate, to_us(each.p50), to_us(each.p99),
        to_us(each.p999), to_us(each.longest));
  }
  print_counters(found);
}

nlohmann::ordered_json to_json(const Findings& found) {
  nlohmann::ordered_json json;
  for (const Phase& phase : found.phases) {
    json["phases"].push_back({{"name", phase.name},
                              {"count", phase.count},
                              {"engine_seconds", base::to_seconds(phase.engine)},
                              {"wall_seconds", base::to_seconds(phase.wall)},
                              {"received", phase.received},
                              {"sent", phase.sent},
                              {"gigahertz", gigahertz(phase.speed)}});
  }
  json["pairs_held"] = found.pairs_held;
  json["bytes_per_pair"] = bytes_per_pair(found);
  json["table_bytes"] = found.table_bytes;
  json["pages"] = found.pages;
  json["sweep_ms"] = to_ms(found.sweep);
  json["sweep_slice_ms"] = to_ms(found.sweep_slice);
  json["longest_free_ms"] = to_ms(found.longest_free);
  json["goodput_share"] = found.goodput_share;
  json["peak_rate"] = found.peak_rate;
  for (const LatencyAt& each : found.latency) {
    json["latency"].push_back({{"share", each.share},
                               {"rate", each.rate},
                               {"reached", each.reached},
                               {"p50_us", to_us(each.p50)},
                               {"p99_us", to_us(each.p99)},
                               {"p99.9_us", to_us(each.p999)},
                               {"longest_us", to_us(each.longest)}});
  }
  json["errors"] = errors_of(found);
  json["leftovers"] = found.leftovers;
  for (const auto& [name, count] : drops_of(found)) json["drops"][name] = count;
  return json;
}

}  // namespace

std::vector<Judgement> judge(const Run& run) {
  std::vector<Judgement> out;
  if (run.hold) judge_hold(run, out);
  if (!run.life) return out;
  if (const Phase* const phase = find_phase(*run.life, "whole lives")) {
    const double rate = per_second(phase->count, phase->engine);
    out.push_back({"whole lives a second and core", ">= 1 M",
                   rate_text(rate, phase->speed, run.nominal_ghz), at_least(rate, kLivesTarget)});
  }
  return out;
}

bool intact(const Run& run) {
  const auto good = [](const std::optional<Findings>& findings) {
    return !findings || (errors_of(*findings) == 0 && findings->leftovers.empty());
  };
  return good(run.hold) && good(run.life);
}

void print_text(const Run& run) {
  if (run.hold) print_hold(run);
  if (run.life) {
    std::printf("\n== whole lives, at most %u at once, %s, payload %zu\n",
                run.options.lives_at_once, run.v6 ? "IPv6" : "IPv4", run.options.payload);
    print_phases(*run.life);
    print_counters(*run.life);
  }
  std::printf("\n%-44s %12s %30s\n", "target", "", "found");
  for (const Judgement& each : judge(run)) {
    std::printf("%-44s %12s %30s  %s\n", each.what.c_str(), each.target.c_str(), each.found.c_str(),
                name_of(each.verdict).data());
  }
  std::printf("%s\n", intact(run) ? "intact: nothing lost, mixed up or left behind"
                                  : "NOT INTACT: see above");
}

void print_json(const Run& run) {
  nlohmann::ordered_json json;
  json["family"] = run.v6 ? "v6" : "v4";
  json["pairs"] = run.options.pairs;
  json["payload"] = run.options.payload;
  json["seed"] = run.options.seed;
  json["nominal_gigahertz"] = run.nominal_ghz;
  if (run.hold) json["hold"] = to_json(*run.hold);
  if (run.life) json["life"] = to_json(*run.life);
  for (const Judgement& each : judge(run)) {
    json["targets"].push_back({{"what", each.what},
                               {"target", each.target},
                               {"found", each.found},
                               {"verdict", name_of(each.verdict)}});
  }
  json["intact"] = intact(run);
  std::puts(json.dump().c_str());
}

}  // namespace bench::c10m

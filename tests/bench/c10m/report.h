// What the laboratory found, for people and for programs, and whether it is good enough. Pure, but
// for printing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/c10m/lab.h"

namespace bench::c10m {

// One run of the program: the experiments that were made.
struct Run {
  LabOptions options;
  bool v6 = false;
  double nominal_ghz = 1;
  std::optional<Findings> hold = std::nullopt;
  std::optional<Findings> life = std::nullopt;
};

enum class Verdict : std::uint8_t {
  kMet,
  kMissed,
  kNotAsked  // This run was too small to say.
};
struct Judgement {
  std::string what;
  std::string target;
  std::string found;
  Verdict verdict = Verdict::kNotAsked;
};
std::vector<Judgement> judge(const Run& run);

// False: something was lost, mixed up or left behind. Speed has no say in it.
bool intact(const Run& run);

void print_text(const Run& run);
void print_json(const Run& run);

}  // namespace bench::c10m

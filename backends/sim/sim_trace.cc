#include "backends/sim/sim_trace.h"

#include <cinttypes>

#include "base/prng.h"

namespace backends {

void SimTrace::record(base::Nanos at, std::string_view what, std::uint64_t object,
                      std::uint64_t number) {
  ++events_;
  const auto mix = [this](std::uint64_t word) { hash_ = base::splitmix64(hash_ ^ word); };
  mix(static_cast<std::uint64_t>(at.count()));
  for (const char letter : what) mix(static_cast<std::uint64_t>(letter));
  mix(object);
  mix(number);
  if (out_ != nullptr) {
    static_cast<void>(std::fprintf(out_, "%12.6f %-16.*s %6" PRIu64 " %8" PRIu64 "\n",
                                   base::to_seconds(at), static_cast<int>(what.size()), what.data(),
                                   object, number));
  }
}

void SimTrace::note(base::Nanos at, std::string_view text) const {
  if (out_ != nullptr) {
    static_cast<void>(std::fprintf(out_, "%12.6f # %.*s\n", base::to_seconds(at),
                                   static_cast<int>(text.size()), text.data()));
  }
}

}  // namespace backends

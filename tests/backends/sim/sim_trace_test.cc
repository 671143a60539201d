#include "backends/sim/sim_trace.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>

namespace backends {
namespace {

using std::chrono::milliseconds;

std::uint64_t hash_of(base::Nanos at, const char* what, std::uint64_t object,
                      std::uint64_t number) {
  SimTrace trace(nullptr);
  trace.record(at, what, object, number);
  return trace.hash();
}

TEST(SimTrace, EveryPartOfAnEventChangesTheHash) {
  const std::uint64_t hash = hash_of(milliseconds(1), "bytes", 2, 3);
  EXPECT_EQ(hash, hash_of(milliseconds(1), "bytes", 2, 3));
  EXPECT_NE(hash, hash_of(milliseconds(2), "bytes", 2, 3));
  EXPECT_NE(hash, hash_of(milliseconds(1), "fin", 2, 3));
  EXPECT_NE(hash, hash_of(milliseconds(1), "bytes", 3, 3));
  EXPECT_NE(hash, hash_of(milliseconds(1), "bytes", 2, 4));
}

TEST(SimTrace, TheOrderOfEventsChangesTheHash) {
  SimTrace one(nullptr);
  SimTrace other(nullptr);
  for (std::uint64_t i = 0; i < 2; ++i) {
    one.record(milliseconds(1), "bytes", i, 0);
    other.record(milliseconds(1), "bytes", 1 - i, 0);
  }
  EXPECT_NE(one.hash(), other.hash());
}

TEST(SimTrace, WritesALineForEachEventWhenAskedForText) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  SimTrace trace(file);
  trace.record(milliseconds(1500), "bytes", 7, 512);
  trace.note(milliseconds(1501), "the client goes");
  std::rewind(file);
  char text[256] = {};
  const std::size_t size = std::fread(text, 1, sizeof(text) - 1, file);
  EXPECT_EQ(std::fclose(file), 0);
  EXPECT_EQ(std::string(text, size),
            "    1.500000 bytes                 7      512\n"
            "    1.501000 # the client goes\n");
}

}  // namespace
}  // namespace backends

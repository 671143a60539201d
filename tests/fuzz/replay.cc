// The driver for ctest, where there is no libFuzzer: every file of the corpus, then seeded
// mutations of them. The same seed makes the same inputs. A failure leaves its input beside the
// program. Usage: NAME_fuzz DIRECTORY|FILE... [--mutations N] [--seed N]
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/fd.h"
#include "base/prng.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kInputBytesMax = 4096;  // Mutations grow; the interesting inputs are small.
constexpr std::uint64_t kStepsMax = 8;        // Changes to one input before it is tried.
constexpr std::uint64_t kMutations = 20'000;  // Two seconds; under a sanitizer twenty.
// Written before each input, so that a crash leaves what caused it.
constexpr const char* kLastInput = "fuzz_last_input";

// Bytes that mean something to a parser are worth more than random ones.
constexpr std::string_view kInteresting =
    ":-[]{},&*!|>'\"%@`#?~ \t\r\n\\0123456789\xff\xfe\xc3\x00";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Runs inputs, each of them first written to kLastInput. One descriptor for all: ext4 flushes a
// file that is truncated to nothing and written again, which made 3,000 inputs take 15 s.
class Runner {
 public:
  Runner() : file_(::open(kLastInput, O_RDWR | O_CREAT | O_CLOEXEC, 0644)) { CHECK(file_); }
  ~Runner() { ::unlink(kLastInput); }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void run(const std::string& input) const {
    const auto size = static_cast<ssize_t>(input.size());
    CHECK(::pwrite(file_.get(), input.data(), input.size(), 0) == size);
    CHECK(::ftruncate(file_.get(), size) == 0);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }

 private:
  base::UniqueFd file_;
};

// One change to the input: a byte replaced or inserted, a stretch taken out, doubled or brought
// from another.
void mutate(std::string& input, const std::string& other, base::Prng& prng) {
  const std::size_t at = prng.below(input.size() + 1);
  const std::size_t length = prng.between(1, 16);
  const char byte = kInteresting[prng.below(kInteresting.size())];
  switch (prng.below(6)) {
    case 0:
      if (at < input.size()) input[at] = byte;
      break;
    case 1:
      input.insert(at, 1, byte);
      break;
    case 2:
      input.erase(at, length);
      break;
    case 3:
      input.insert(at, input.substr(at, length));
      break;
    case 4:
      if (!other.empty()) input.insert(at, other, prng.below(other.size()), 4 * length);
      break;
    case 5:
      if (at < input.size()) input[at] = static_cast<char>(prng.below(256));
      break;
  }
  if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  std::uint64_t mutations = kMutations;
  std::uint64_t seed = 1;
  std::vector<std::string> corpus;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--mutations" && i + 1 < arguments.size()) {
      mutations = std::stoull(arguments[++i]);
    } else if (arguments[i] == "--seed" && i + 1 < arguments.size()) {
      seed = std::stoull(arguments[++i]);
    } else {
      for (const auto& file : files_of(arguments[i])) corpus.push_back(read_file(file));
    }
  }
  if (corpus.empty()) {
    std::cerr << "no corpus: nothing was tested\n";
    return EXIT_FAILURE;
  }
  const Runner runner;
  for (const std::string& input : corpus) runner.run(input);
  base::Prng prng(seed);
  for (std::uint64_t i = 0; i < mutations; ++i) {
    std::string input = corpus[prng.below(corpus.size())];
    const std::string& other = corpus[prng.below(corpus.size())];
    for (std::uint64_t step = prng.between(1, kStepsMax); step > 0; --step) {
      mutate(input, other, prng);
    }
    runner.run(input);
  }
  std::cout << corpus.size() << " files and " << mutations << " mutations of them (seed " << seed
            << ")\n";
  return EXIT_SUCCESS;
}

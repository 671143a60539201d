#include "tests/simulation/ended_session.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/assert.h"

namespace simulation {
namespace {

base::UniqueFd make_memory() {
  base::UniqueFd memory(memfd_create("access-log", MFD_CLOEXEC));
  CHECK(memory);
  return memory;
}

std::string text_of(const nlohmann::json& value) {
  return value.is_null() ? std::string() : value.get<std::string>();
}

EndedSession parse(const std::string& line) {
  const auto json = nlohmann::json::parse(line);
  EndedSession session;
  session.listener = text_of(json.at("listener"));
  session.upstream = text_of(json.at("upstream"));
  session.endpoint = text_of(json.at("endpoint"));
  session.client = text_of(json.at("client"));
  session.actor = text_of(json.at("actor"));
  session.cause = text_of(json.at("cause"));
  session.bytes_to_upstream = json.at("bytes_to_upstream").get<std::uint64_t>();
  session.bytes_to_client = json.at("bytes_to_client").get<std::uint64_t>();
  if (!json.at("setup").is_null()) session.setup_seconds = json.at("setup").get<double>();
  session.total_seconds = json.at("total").get<double>();
  session.attempts = json.at("attempts").get<std::uint32_t>();
  return session;
}

}  // namespace

RecordedLog::RecordedLog(std::size_t workers)
    : memory_(make_memory()),
      output_(memory_.get()),
      log_(std::make_unique<proxy::AccessLog>(
          output_, workers,
          config::Log{.level = config::LogLevel::kInfo, .format = config::LogFormat::kJson})) {}

std::vector<EndedSession> RecordedLog::finish() {
  log_.reset();
  CHECK(lseek(memory_.get(), 0, SEEK_SET) == 0);
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t count = ::read(memory_.get(), buffer.data(), buffer.size());
    CHECK(count >= 0);
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  std::vector<EndedSession> sessions;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) sessions.push_back(parse(line));
  return sessions;
}

}  // namespace simulation

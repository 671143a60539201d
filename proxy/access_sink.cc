#include "proxy/access_sink.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "base/assert.h"
#include "base/errno.h"
#include "base/fd.h"
#include "proxy/access_datagrams.h"

namespace proxy {
namespace {

// Readable for the group, so that whoever ships logs need not be root; clients' addresses are no
// business of everybody else's.
constexpr mode_t kFileMode = S_IRUSR | S_IWUSR | S_IRGRP;

constexpr const char* kSyslogSocket = "/dev/log";  // man 3 syslog
constexpr const char* kJournalSocket = "/run/systemd/journal/socket";

// A LogOutput as a sink: it takes a text as a whole, or will.
class OutputSink : public AccessSink {
 public:
  explicit OutputSink(LogOutput& output) : output_(output) {}

  SinkResult write(std::string_view text) override {
    const LogOutput::Outcome outcome = output_.write(text);
    return {outcome, outcome == LogOutput::Outcome::kBlocked ? 0 : text.size()};
  }
  void wait_writable(base::Nanos wait_max) override { output_.wait_writable(wait_max); }

 private:
  LogOutput& output_;
};

class FileSink final : public AccessSink {
 public:
  explicit FileSink(base::UniqueFd file) : file_(std::move(file)), output_(file_.get()) {}

  SinkResult write(std::string_view text) override { return sink_.write(text); }
  void wait_writable(base::Nanos wait_max) override { sink_.wait_writable(wait_max); }

 private:
  base::UniqueFd file_;
  LogOutput output_;
  OutputSink sink_{output_};
};

base::Parsed<std::unique_ptr<AccessSink>> open_file(const std::string& path) {
  // Appended, so that a rotation by copy and truncate works, too. O_NONBLOCK: a FIFO that nobody
  // reads is an error, not a wait.
  base::UniqueFd file(::open(
      path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, kFileMode));
  if (!file) {
    return base::failure("cannot write to " + path + ": " + base::errno_text(base::last_errno()));
  }
  return std::make_unique<FileSink>(std::move(file));
}

}  // namespace

base::Parsed<std::unique_ptr<AccessSink>> open_access_sink(const config::AccessOutput& where,
                                                           LogOutput& standard_error) {
  switch (where.target) {
    case config::AccessTarget::kStderr:
      return std::make_unique<OutputSink>(standard_error);
    case config::AccessTarget::kFile:
      return open_file(where.file);
    case config::AccessTarget::kSyslog:
      return std::make_unique<AccessDatagrams>(kSyslogSocket, DatagramForm::kSyslog);
    case config::AccessTarget::kJournald:
      return std::make_unique<AccessDatagrams>(kJournalSocket, DatagramForm::kJournal);
  }
  base::check_failed(__FILE__, __LINE__, "a target of the enum");
}

}  // namespace proxy

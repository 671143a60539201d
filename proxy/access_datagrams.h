// The access log's lines as messages to a daemon's UNIX socket: syslog's /dev/log, or journald's
// own. Written here because syslog(3) and sd_journal_send(3) wait for a daemon that does not read,
// and this log never waits. Owned by the access log, on its thread.
//
//   syslog:   <30>Nov 23 14:31:00 millrace[4711]: LINE        RFC 3164, facility daemon, info
//   journald: PRIORITY=6, SYSLOG_IDENTIFIER=millrace, MESSAGE=LINE, a field a line
//             (systemd.io/JOURNAL_NATIVE_PROTOCOL)
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "proxy/access_sink.h"

namespace proxy {

enum class DatagramForm : std::uint8_t { kSyslog, kJournal };

class AccessDatagrams final : public AccessSink {
 public:
  // Between two tries to reach a daemon that is not there: lines are lost meanwhile.
  static constexpr base::Nanos kRetry = std::chrono::seconds(1);

  // Connects when there is something to send, and again when the daemon was started anew.
  AccessDatagrams(std::string socket_path, DatagramForm form)
      : path_(std::move(socket_path)), form_(form) {}

  SinkResult write(std::string_view text) override;
  void wait_writable(base::Nanos wait_max) override;

 private:
  bool connected();
  void compose(std::string_view line);

  std::string path_;
  DatagramForm form_;
  base::UniqueFd socket_;
  base::Nanos next_try_{0};
  std::string message_;
};

}  // namespace proxy

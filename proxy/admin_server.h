// The admin API's server: its address, its token, its http thread, and the queue between that
// thread and main. Owned by the program; on the main thread.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "config/config.h"
#include "metrics/http_server.h"
#include "proxy/admin_queue.h"
#include "proxy/admin_stats.h"
#include "proxy/admin_token.h"
#include "proxy/log.h"

namespace proxy {

class AdminApi;

class AdminServer {
 public:
  // Connections at a time; one more cuts the oldest. A request takes milliseconds.
  static constexpr std::uint32_t kConnectionsMax = 256;
  // Two candidates of the greatest length at a time.
  static constexpr std::size_t kBodiesBytesMax = std::size_t{16} << 20U;

  // Both must outlive the server. It does not serve yet.
  AdminServer(Log& log, AdminStats& stats) : log_(log), stats_(stats) {}
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;
  ~AdminServer();

  // Serves, where the configuration wants it to. The error is a sentence with the reason: with
  // enable: auto the caller warns and goes on without.
  base::Parsed<void> start(const config::Admin& admin);

  // After a reload: the token file is read again. A bad one leaves the former token in force.
  void reload(const config::Admin& admin);

  // Readable when answer_all() has something to do. Stays readable until it has been called.
  int fd() const { return queue_.fd(); }
  void answer_all(AdminApi& api);

  // Where it listens; after a start() that served.
  const base::Address& address() const { return server_->address(); }

 private:
  base::Parsed<void> read_token(const config::Admin& admin);
  void wait_for_last_answers() const;

  Log& log_;
  AdminStats& stats_;
  SharedToken token_;
  AdminQueue queue_;
  std::unique_ptr<metrics::HttpServer> server_;  // Null: it does not serve.
  base::Nanos answered_ = base::Nanos{0};        // When main answered last.
};

}  // namespace proxy

#include "proxy/admin_server.h"

#include <poll.h>

#include <chrono>
#include <utility>

#include "base/address.h"
#include "base/time.h"
#include "proxy/admin_api.h"
#include "proxy/admin_site.h"

namespace proxy {
namespace {

// The answer to the order that ended the program may still be on its way to its client.
constexpr base::Nanos kLastAnswersMax = std::chrono::milliseconds(500);
constexpr int kLastAnswersStepMs = 5;
// Calls answered in one turn of main's loop: signals and ended workers come in between.
constexpr int kCallsATurn = 16;

bool is_unix(const config::Admin& admin) {
  return admin.bind.address.family() == base::Family::kUnix;
}

// Whoever may open a UNIX socket's file has been chosen by its owner and group. A name in the
// abstract namespace has no file: everybody on the machine may connect (man 7 unix).
bool needs_token(const config::Admin& admin) {
  return !is_unix(admin) || admin.bind.address.path.starts_with('@');
}

}  // namespace

AdminServer::~AdminServer() {
  queue_.close();  // First: the http thread may be waiting for an answer.
  if (server_ != nullptr) wait_for_last_answers();
}

base::Parsed<void> AdminServer::start(const config::Admin& admin) {
  if (admin.enable == config::AdminEnable::kOff) return {};
  if (auto token = read_token(admin); !token) return token;
  auto site = std::make_unique<AdminSite>(queue_, stats_, needs_token(admin) ? &token_ : nullptr);
  auto server = metrics::HttpServer::start(admin.bind.address, std::move(site), stats_.http,
                                           {.connections_max = kConnectionsMax,
                                            .bodies_bytes_max = kBodiesBytesMax,
                                            .socket_mode = 0660});
  if (!server) return base::failure(std::move(server.error()));
  server_ = std::make_unique<metrics::HttpServer>(*std::move(server));
  log_.info("admin API: {}{}", is_unix(admin) ? "" : "http://", base::to_string(address()));
  return {};
}

void AdminServer::reload(const config::Admin& admin) {
  if (server_ == nullptr) return;
  if (auto token = read_token(admin); !token) {
    log_.error("admin API: {}; the token stays as it was", token.error());
  }
}

base::Parsed<void> AdminServer::read_token(const config::Admin& admin) {
  if (!needs_token(admin)) return {};
  if (admin.token_file.empty()) {
    return base::failure(base::to_string(admin.bind.address) +
                         " has no file whose mode protects it, so it needs a token_file");
  }
  auto token = AdminToken::read(admin.token_file);
  if (!token) return base::failure(std::move(token.error()));
  if (token->mode_wide) {
    log_.warning("admin API: the token file {} is open to others; its mode should be 0640 or less",
                 admin.token_file);
  }
  token_.set(*std::move(token));
  return {};
}

void AdminServer::answer_all(AdminApi& api) {
  for (int i = 0; i < kCallsATurn; ++i) {
    const AdminCall* call = queue_.take();
    if (call == nullptr) return;
    queue_.answer(api.answer(*call));
    answered_ = base::monotonic_now();
  }
}

void AdminServer::wait_for_last_answers() const {
  const base::Nanos begin = base::monotonic_now();
  if (answered_ == base::Nanos{0} || begin - answered_ > kLastAnswersMax) return;
  while (stats_.http.connections.value() > 0 && base::monotonic_now() - begin < kLastAnswersMax) {
    static_cast<void>(::poll(nullptr, 0, kLastAnswersStepMs));
  }
}

}  // namespace proxy

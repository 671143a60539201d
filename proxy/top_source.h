// Whom `millrace top` asks for the status document: the metrics port, or the admin API. Blocks the
// thread that calls it.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "proxy/api_client.h"
#include "proxy/top_status.h"

namespace proxy {

class TopSource {
 public:
  // The metrics port at the URL (empty: the port's default), or the admin API: at its socket, or at
  // the URL where there is a token for it. The error says what would be right.
  static base::Parsed<TopSource> make(ApiTarget target);

  // The document of now. The error is a sentence that says whom it asked and what may be wrong.
  base::Parsed<TopStatus> ask(base::Nanos wait_max) const;

  // For people: "127.0.0.1:9464", "unix:/run/millrace/admin.sock".
  std::string name() const;

 private:
  TopSource(ApiClient client, bool is_admin) : client_(std::move(client)), is_admin_(is_admin) {}

  ApiClient client_;
  bool is_admin_;
};

}  // namespace proxy

// Whom `millrace top` asks for the status document: the metrics port, or the admin API's socket.
// Any thread; blocks for as long as it is told.
#pragma once

#include <string>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "proxy/top_status.h"

namespace proxy {

struct TopSource {
  base::Address address;
  std::string path;  // Of the request.
  std::string name;  // For people: "http://127.0.0.1:9464", "unix:/run/millrace/admin.sock".
};

// The metrics port at "http://IP:PORT", with or without a path; empty: the port's default. The
// error says what would be right.
base::Parsed<TopSource> top_source_of_url(const std::string& url);

// The admin API at the path of its socket, with or without "unix:".
base::Parsed<TopSource> top_source_of_socket(const std::string& path);

// The document of now. The error is a sentence that says whom it asked and what may be wrong.
base::Parsed<TopStatus> ask_for_status(const TopSource& source, base::Nanos wait_max);

}  // namespace proxy

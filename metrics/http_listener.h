// The socket the HTTP server accepts on, TCP or UNIX. libmicrohttpd could open TCP ports itself,
// but knows no UNIX sockets and says of an error only that there was one. Owned by HttpServer; made
// on the main thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"

namespace metrics {

class HttpListener {
 public:
  // Binds and listens. Port 0 takes a free port; [::] also takes IPv4. The file of a UNIX socket
  // that nobody listens on any more is replaced; any other file is an error. file_mode is
  // that of a UNIX socket's file, from its first moment; 0: what the umask leaves. The error is a
  // sentence with the address and the reason.
  static base::Parsed<HttpListener> open(const base::Address& address, mode_t file_mode = 0);
  // A socket that somebody else made listen at the address. The file of a UNIX socket stays theirs.
  static HttpListener adopt(base::UniqueFd fd, const base::Address& address);

  HttpListener(HttpListener&& other) noexcept;
  HttpListener& operator=(HttpListener&&) = delete;
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;
  // Removes the file of a UNIX socket, unless it is another one by now.
  ~HttpListener();

  // What it is bound to: a port 0 has become a number.
  const base::Address& address() const { return address_; }

  int fd() const { return fd_.get(); }
  // Somebody else closes the descriptor from now on.
  void disown() { static_cast<void>(fd_.release()); }

 private:
  // Which file a path led to when we made it.
  struct FileIdentity {
    dev_t device = 0;
    ino_t inode = 0;
    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
  };

  HttpListener(base::UniqueFd fd, base::Address address);
  // Ours to remove, then.
  void own_file();
  static FileIdentity identify(const std::string& path);

  base::UniqueFd fd_;
  base::Address address_;
  std::string file_;  // Empty: no file to remove.
  FileIdentity identity_;
};

}  // namespace metrics

#include "proxy/end_reason.h"

#include <cerrno>

#include "base/assert.h"

namespace proxy {

std::string_view name(Actor actor) {
  switch (actor) {
    case Actor::kClient:
      return "client";
    case Actor::kUpstream:
      return "upstream";
    case Actor::kProxy:
      return "proxy";
    case Actor::kAdmin:
      return "admin";
    case Actor::kCount:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "an actor of the enum");
}

std::string_view name(Cause cause) {
  switch (cause) {
    case Cause::kEof:
      return "eof";
    case Cause::kReset:
      return "reset";
    case Cause::kIdle:
      return "idle";
    case Cause::kLifetime:
      return "lifetime";
    case Cause::kHalfCloseTimeout:
      return "half_close_timeout";
    case Cause::kFirstBytesTimeout:
      return "first_bytes_timeout";
    case Cause::kConnectRefused:
      return "connect_refused";
    case Cause::kConnectTimeout:
      return "connect_timeout";
    case Cause::kConnectUnreachable:
      return "connect_unreachable";
    case Cause::kNoEndpoint:
      return "no_endpoint";
    case Cause::kQueueFull:
      return "queue_full";
    case Cause::kQueueTimeout:
      return "queue_timeout";
    case Cause::kLimit:
      return "limit";
    case Cause::kDenied:
      return "denied";
    case Cause::kBadProxyHeader:
      return "bad_proxy_header";
    case Cause::kBadClientHello:
      return "bad_client_hello";
    case Cause::kDrain:
      return "drain";
    case Cause::kRemoved:
      return "removed";
    case Cause::kResource:
      return "resource";
    case Cause::kInternal:
      return "internal";
    case Cause::kCount:
      break;
  }
  base::check_failed(__FILE__, __LINE__, "a cause of the enum");
}

Cause cause_of_connect_error(base::Errno error) {
  CHECK(error != base::Errno::kNone);
  switch (base::code_of(error)) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EAGAIN:  // A UNIX socket's queue of clients is full (man 2 connect); TCP never says so.
      return Cause::kConnectRefused;
    case ETIMEDOUT:
      return Cause::kConnectTimeout;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case ENOENT:   // No such UNIX socket.
    case ENOTDIR:  // A part of its path is a file.
    case EACCES:   // A local firewall rule, or the rights of a UNIX socket.
    case EPERM:
      return Cause::kConnectUnreachable;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:  // No local port is left for this endpoint (man 7 ip).
    case EADDRINUSE:
      return Cause::kResource;
    default:
      return Cause::kInternal;
  }
}

}  // namespace proxy

#include "metrics/http_server.h"

#include <microhttpd.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "metrics/http_listener.h"

namespace metrics {
namespace {

// What came of a request while it comes in. One request a connection, so a connection has one.
struct Incoming {
  std::string method;
  std::string target;
  const char* target_end = nullptr;  // In libmicrohttpd's buffer; only ever compared.
  std::string body;
  std::size_t body_bytes_max = 0;
  base::Nanos started{0};
};

// "uid 1000 pid 4711" of a process on this machine, else its address: who is behind a request, for
// the log.
std::string describe_client(MHD_socket fd) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "a client";
  if (storage.ss_family != AF_UNIX) return base::to_string(base::from_raw(storage, size));
  ucred who = {};
  size = sizeof who;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return "a UNIX socket";
  return "uid " + std::to_string(who.uid) + " pid " + std::to_string(who.pid);
}

std::string_view header_of(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// What the head promises; libmicrohttpd has refused what is no number. 0: none, or in chunks.
std::size_t promised_length(MHD_Connection* connection) {
  const std::string_view text = header_of(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return error == std::errc::result_out_of_range ? SIZE_MAX : length;
}

// A thread inherits the mask of its maker. Signals are for the main thread, which waits for them;
// none may end up on a thread of libmicrohttpd.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before_) == 0);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { CHECK(pthread_sigmask(SIG_SETMASK, &before_, nullptr) == 0); }

 private:
  sigset_t before_ = {};
};

}  // namespace

// What libmicrohttpd's callbacks see. All of it runs on the http thread, except construction and
// destruction, when that thread does not exist.
class HttpServer::Service {
 public:
  Service(HttpListener listener, std::unique_ptr<HttpSite> site, HttpStats& stats,
          const HttpLimits& limits)
      : site_(std::move(site)), stats_(stats), limits_(limits), listener_(std::move(listener)) {
    CHECK(site_ != nullptr);
    CHECK(limits_.connections_max > 0 && limits_.idle_timeout >= std::chrono::seconds(1));
    stats_.connections_max.set(limits_.connections_max);
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() {
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }

  // False with errno set when the thread or its epoll instance could not be made.
  bool run();

  const base::Address& address() const { return listener_.address(); }

 private:
  // One accepted connection. In the order of accepting: the front is the oldest.
  struct Client {
    MHD_socket fd = MHD_INVALID_SOCKET;
    bool answered = false;
    bool cut = false;  // Shut down by us; libmicrohttpd notices in its next turn.
    Incoming request;
    std::list<Client>::iterator self;
  };

  // Newcomers past connections_max are let in before libmicrohttpd has noticed that older ones were
  // cut. Past this many it stops accepting until it has.
  static constexpr std::uint32_t kCutsUnnoticedMax = 16;

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* upload,
                               std::size_t* upload_size, void** request);
  static void* on_target(void* self, const char* target, MHD_Connection* connection);
  static void on_connection(void* self, MHD_Connection* connection, void** client,
                            MHD_ConnectionNotificationCode code);

  void opened(MHD_Connection* connection, void** client);
  void closed(Client& client);
  void cut_oldest();
  static Client& client_of(MHD_Connection* connection);
  // The two phases of a request. What they return is libmicrohttpd's: MHD_NO closes the connection.
  MHD_Result begin(MHD_Connection* connection, Client& client);
  MHD_Result take_body(Client& client, std::string_view bytes);
  HttpRequest request_of(MHD_Connection* connection, const Client& client,
                         std::string_view who) const;
  MHD_Result answer(MHD_Connection* connection, Client& client);
  MHD_Result send(MHD_Connection* connection, Client& client, HttpReply reply);
  void forget_body(Client& client);

  std::unique_ptr<HttpSite> site_;
  HttpStats& stats_;
  HttpLimits limits_;
  HttpListener listener_;
  std::list<Client> clients_;
  std::size_t bodies_bytes_ = 0;  // Of all clients together.
  MHD_Daemon* daemon_ = nullptr;
};

bool HttpServer::Service::run() {
  const AllSignalsBlocked no_signals;
  const auto idle_s = std::chrono::ceil<std::chrono::seconds>(limits_.idle_timeout).count();
  const int fd = listener_.fd();
  // libmicrohttpd closes the socket in the end, but does not say whether it does so when it fails
  // to start. A descriptor leaked in a process that is about to give up is better than one closed
  // twice.
  listener_.disown();
  daemon_ =
      MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, nullptr, nullptr, &Service::on_request,
                       this, MHD_OPTION_LISTEN_SOCKET, fd,                                        //
                       MHD_OPTION_NOTIFY_CONNECTION, &Service::on_connection, this,               //
                       MHD_OPTION_CONNECTION_LIMIT, limits_.connections_max + kCutsUnnoticedMax,  //
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits_.connection_memory_bytes,       //
                       MHD_OPTION_CONNECTION_TIMEOUT, static_cast<unsigned>(idle_s),              //
                       MHD_OPTION_STRICT_FOR_CLIENT, 1,                                           //
                       MHD_OPTION_URI_LOG_CALLBACK, &Service::on_target, this,                    //
                       MHD_OPTION_END);
  return daemon_ != nullptr;
}

void HttpServer::Service::on_connection(void* self, MHD_Connection* connection, void** client,
                                        MHD_ConnectionNotificationCode code) {
  auto& service = *static_cast<Service*>(self);
  switch (code) {
    case MHD_CONNECTION_NOTIFY_STARTED:
      service.opened(connection, client);
      return;
    case MHD_CONNECTION_NOTIFY_CLOSED:
      service.closed(*static_cast<Client*>(*client));
      return;
  }
  CHECK(false);
}

void HttpServer::Service::opened(MHD_Connection* connection, void** client) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  CHECK(info != nullptr);
  Client& added = clients_.emplace_back();
  added.fd = info->connect_fd;
  added.self = std::prev(clients_.end());
  *client = &added;
  stats_.connections.set(static_cast<std::int64_t>(clients_.size()));
  if (clients_.size() > limits_.connections_max) cut_oldest();
}

void HttpServer::Service::closed(Client& client) {
  if (client.cut) {
    stats_.dropped[static_cast<std::size_t>(HttpDrop::kCrowdedOut)].add();
  } else if (!client.answered) {
    stats_.dropped[static_cast<std::size_t>(HttpDrop::kNoRequest)].add();
  }
  forget_body(client);
  clients_.erase(client.self);
  stats_.connections.set(static_cast<std::int64_t>(clients_.size()));
}

void HttpServer::Service::cut_oldest() {
  const auto oldest = std::find_if(clients_.begin(), clients_.end(),
                                   [](const Client& client) { return !client.cut; });
  CHECK(oldest != clients_.end());
  oldest->cut = true;
  // libmicrohttpd has no call that closes a connection from outside; to it this looks like a client
  // that went away. Fails only if the client has gone already.
  static_cast<void>(shutdown(oldest->fd, SHUT_RDWR));
}

HttpServer::Service::Client& HttpServer::Service::client_of(MHD_Connection* connection) {
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  CHECK(info != nullptr);
  return *static_cast<Client*>(info->socket_context);
}

// libmicrohttpd's own idea of the path has lost its escapes: an unescaped %00 cut it short.
void* HttpServer::Service::on_target(void* /*self*/, const char* target,
                                     MHD_Connection* connection) {
  Incoming& request = client_of(connection).request;
  request.target = target;
  request.target_end = target + request.target.size();
  return nullptr;
}

MHD_Result HttpServer::Service::on_request(void* self, MHD_Connection* connection,
                                           const char* /*path*/, const char* method,
                                           const char* version, const char* upload,
                                           std::size_t* upload_size, void** request) {
  auto& service = *static_cast<Service*>(self);
  Client& client = client_of(connection);
  if (*request == nullptr) {
    // A NUL ends the target for libmicrohttpd: "/x\0y" would be served as "/x". Only then is the
    // version not what follows the target's end in its buffer.
    if (version != client.request.target_end + 1) return MHD_NO;
    *request = &client;
    client.request.method = method;
    return service.begin(connection, client);
  }
  if (*upload_size != 0) {
    const std::string_view bytes(upload, *upload_size);
    *upload_size = 0;
    return service.take_body(client, bytes);
  }
  return service.answer(connection, client);
}

HttpRequest HttpServer::Service::request_of(MHD_Connection* connection, const Client& client,
                                            std::string_view who) const {
  return {.method = client.request.method,
          .target = client.request.target,
          .authorization = header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION),
          .accept_encoding = header_of(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING),
          .body = client.request.body,
          .client = who};
}

MHD_Result HttpServer::Service::begin(MHD_Connection* connection, Client& client) {
  const std::string who = describe_client(client.fd);
  const HttpRequest head = request_of(connection, client, who);
  HttpAdmission admission = site_->admit(head);
  if (admission.reply) return send(connection, client, *std::move(admission.reply));
  if (admission.body_bytes_max == 0) return send(connection, client, site_->answer(head));
  client.request.body_bytes_max = admission.body_bytes_max;
  client.request.started = base::monotonic_now();
  const std::size_t length = promised_length(connection);
  if (length > admission.body_bytes_max) {
    return send(connection, client, site_->too_long(head, admission.body_bytes_max));
  }
  if (length > limits_.bodies_bytes_max - bodies_bytes_) {
    return send(connection, client, site_->too_many(head));
  }
  return MHD_YES;
}

MHD_Result HttpServer::Service::take_body(Client& client, std::string_view bytes) {
  Incoming& request = client.request;
  if (base::monotonic_now() - request.started > limits_.body_time_max) return MHD_NO;
  // Only a body in chunks comes here with too much. It cannot be answered before its end, and
  // whether it has one nobody knows.
  if (bytes.size() > request.body_bytes_max - request.body.size()) return MHD_NO;
  if (bytes.size() > limits_.bodies_bytes_max - bodies_bytes_) return MHD_NO;
  request.body += bytes;
  bodies_bytes_ += bytes.size();
  return MHD_YES;
}

MHD_Result HttpServer::Service::answer(MHD_Connection* connection, Client& client) {
  const std::string who = describe_client(client.fd);
  HttpReply reply = site_->answer(request_of(connection, client, who));
  forget_body(client);
  return send(connection, client, std::move(reply));
}

void HttpServer::Service::forget_body(Client& client) {
  bodies_bytes_ -= client.request.body.size();
  client.request.body = {};
}

MHD_Result HttpServer::Service::send(MHD_Connection* connection, Client& client, HttpReply reply) {
  client.answered = true;
  stats_.requests[static_cast<std::size_t>(reply.status)].add();
  // The page moves into the response, which may outlive this call by the time of a slow reader.
  const unsigned code = code_of(reply.status);
  auto body = std::make_unique<std::string>(std::move(reply.body));
  MHD_Response* response = MHD_create_response_from_buffer_with_free_callback_cls(
      body->size(), body->data(), [](void* text) { delete static_cast<std::string*>(text); },
      body.get());
  if (response == nullptr) return MHD_NO;  // No memory: the connection is closed.
  static_cast<void>(body.release());
  bool complete = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
                                          reply.content_type) == MHD_YES;
  complete &=
      MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES;
  // One request a connection: nothing is pipelined, no idle scraper holds a place, and a request
  // body that nobody reads cannot be taken for the next request.
  complete &= MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
  // A browser takes a page for nothing but what its type says.
  complete &= MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
  for (const HttpHeader& header : reply.headers) {
    complete &= MHD_add_response_header(response, header.name, header.value.c_str()) == MHD_YES;
  }
  const MHD_Result result = complete ? MHD_queue_response(connection, code, response) : MHD_NO;
  MHD_destroy_response(response);  // Ours; the connection holds a reference of its own.
  return result;
}

base::Parsed<HttpServer> HttpServer::start(const base::Address& bind,
                                           std::unique_ptr<HttpSite> site, HttpStats& stats,
                                           const HttpLimits& limits, base::UniqueFd listening) {
  base::Parsed<HttpListener> listener = listening ? HttpListener::adopt(std::move(listening), bind)
                                                  : HttpListener::open(bind, limits.socket_mode);
  if (!listener) return base::failure(std::move(listener.error()));
  auto service = std::make_unique<Service>(std::move(*listener), std::move(site), stats, limits);
  if (!service->run()) {
    return base::failure("cannot start the HTTP server on " + base::to_string(service->address()) +
                         ": " + base::errno_text(base::last_errno()));
  }
  return HttpServer(std::move(service));
}

HttpServer::HttpServer(std::unique_ptr<Service> service) : service_(std::move(service)) {}
HttpServer::HttpServer(HttpServer&&) noexcept = default;
HttpServer& HttpServer::operator=(HttpServer&&) noexcept = default;
HttpServer::~HttpServer() = default;

const base::Address& HttpServer::address() const { return service_->address(); }

}  // namespace metrics

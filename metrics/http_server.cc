#include "metrics/http_server.h"

#include <microhttpd.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <list>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "metrics/http_listener.h"
#include "metrics/page.h"

namespace metrics {
namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";

struct Reply {
  HttpStatus status = HttpStatus::kOk;
  std::string body;
  const char* content_type = kPlainText;
  const std::vector<HttpPage::Header>* headers = nullptr;  // Besides those of every answer.
};

// No page has an escape in its path, and an unescaped %00 would cut the path short: "/%00x" became
// the index page.
std::size_t keep_escapes(void* /*nothing*/, MHD_Connection* /*connection*/, char* text) {
  return std::strlen(text);
}

Reply health_page(const Health& health) {
  return {health.good ? HttpStatus::kOk : HttpStatus::kUnavailable, health.reason + "\n"};
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
  Service(HttpListener listener, HttpHandlers handlers, HttpStats& stats, const HttpLimits& limits)
      : handlers_(std::move(handlers)),
        stats_(stats),
        limits_(limits),
        listener_(std::move(listener)) {
    CHECK(handlers_.metrics_page && handlers_.live && handlers_.ready);
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
    std::list<Client>::iterator self;
  };

  struct Route {
    std::string_view path;
    Reply (Service::*page)();
  };
  static const std::array<Route, 3> kRoutes;

  // Newcomers past connections_max are let in before libmicrohttpd has noticed that older ones were
  // cut. Past this many it stops accepting until it has.
  static constexpr std::uint32_t kCutsUnnoticedMax = 16;

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* path,
                               const char* method, const char* version, const char* upload,
                               std::size_t* upload_size, void** request);
  static void on_connection(void* self, MHD_Connection* connection, void** client,
                            MHD_ConnectionNotificationCode code);

  void opened(MHD_Connection* connection, void** client);
  void closed(Client& client);
  void cut_oldest();
  Reply answer(std::string_view method, std::string_view path);
  Reply no_such_page() const;
  static MHD_Result send(MHD_Connection* connection, Reply reply);

  Reply show_metrics();
  Reply show_live() { return health_page(handlers_.live()); }
  Reply show_ready() { return health_page(handlers_.ready()); }

  HttpHandlers handlers_;
  HttpStats& stats_;
  HttpLimits limits_;
  HttpListener listener_;
  std::list<Client> clients_;
  MHD_Daemon* daemon_ = nullptr;
};

const std::array<HttpServer::Service::Route, 3> HttpServer::Service::kRoutes = {{
    {"/metrics", &Service::show_metrics},
    {"/healthz", &Service::show_live},
    {"/readyz", &Service::show_ready},
}};

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
                       MHD_OPTION_UNESCAPE_CALLBACK, &keep_escapes, nullptr,                      //
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

MHD_Result HttpServer::Service::on_request(void* self, MHD_Connection* connection, const char* path,
                                           const char* method, const char* /*version*/,
                                           const char* /*upload*/, std::size_t* /*upload_size*/,
                                           void** /*request*/) {
  auto& service = *static_cast<Service*>(self);
  const MHD_ConnectionInfo* info =
      MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  CHECK(info != nullptr);
  static_cast<Client*>(info->socket_context)->answered = true;
  Reply reply = service.answer(method, path);
  service.stats_.requests[static_cast<std::size_t>(reply.status)].add();
  return send(connection, std::move(reply));
}

Reply HttpServer::Service::answer(std::string_view method, std::string_view path) {
  const auto is_asked = [&](const auto& known) { return known.path == path; };
  const auto* const route = std::find_if(kRoutes.begin(), kRoutes.end(), is_asked);
  const auto page = std::find_if(handlers_.pages.begin(), handlers_.pages.end(), is_asked);
  if (route == kRoutes.end() && page == handlers_.pages.end()) return no_such_page();
  if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
    return {HttpStatus::kMethodNotAllowed, "GET and HEAD only\n"};
  }
  if (route != kRoutes.end()) return (this->*route->page)();
  return {HttpStatus::kOk, page->body(), page->content_type, &page->headers};
}

Reply HttpServer::Service::no_such_page() const {
  std::string text = "no such page; there are";
  for (const Route& route : kRoutes) text += " " + std::string(route.path);
  for (const HttpPage& page : handlers_.pages) text += " " + std::string(page.path);
  return {HttpStatus::kNotFound, text + "\n"};
}

Reply HttpServer::Service::show_metrics() {
  const base::Nanos begin = base::monotonic_now();
  std::string page = handlers_.metrics_page();
  stats_.render_nanos.set((base::monotonic_now() - begin).count());
  return {HttpStatus::kOk, std::move(page), kTextContentType};
}

MHD_Result HttpServer::Service::send(MHD_Connection* connection, Reply reply) {
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
  if (reply.headers != nullptr) {
    for (const HttpPage::Header& header : *reply.headers) {
      complete &= MHD_add_response_header(response, header.name, header.value) == MHD_YES;
    }
  }
  if (reply.status == HttpStatus::kMethodNotAllowed) {
    complete &= MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES;
  }
  const MHD_Result result = complete ? MHD_queue_response(connection, code, response) : MHD_NO;
  MHD_destroy_response(response);  // Ours; the connection holds a reference of its own.
  return result;
}

base::Parsed<HttpServer> HttpServer::start(const base::Address& bind, HttpHandlers handlers,
                                           HttpStats& stats, const HttpLimits& limits) {
  base::Parsed<HttpListener> listener = HttpListener::open(bind);
  if (!listener) return base::failure(std::move(listener.error()));
  auto service =
      std::make_unique<Service>(std::move(*listener), std::move(handlers), stats, limits);
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

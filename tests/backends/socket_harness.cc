// The contract suite's far ends as plain non-blocking sockets, for the engines that use the
// kernel's TCP. One thread; nothing happens outside step(), so a test decides every order.
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "backends/transport_factory.h"
#include "base/assert.h"
#include "base/fd.h"
#include "tests/backends/contract_harness.h"

namespace contract {
namespace {

class SocketPeer;
using Living = std::vector<SocketPeer*>;

int domain_of(base::Family family) {
  if (family == base::Family::kUnix) return AF_UNIX;
  return family == base::Family::kV4 ? AF_INET : AF_INET6;
}

base::UniqueFd new_socket(base::Family family, const PeerOptions& options) {
  base::UniqueFd fd(::socket(domain_of(family), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  CHECK(fd);
  if (options.buffer_bytes != 0) {
    const int bytes = static_cast<int>(options.buffer_bytes);
    CHECK(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0);
    CHECK(::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) == 0);
  }
  return fd;
}

class SocketPeer final : public Peer {
 public:
  enum class Stage { kConnecting, kOpen, kReset, kClosed };

  SocketPeer(base::UniqueFd fd, Stage stage, base::Address remote, Living& living)
      : fd_(std::move(fd)), stage_(stage), remote_(std::move(remote)), living_(living) {
    living_.push_back(this);
    if (stage_ == Stage::kConnecting) try_connect();
  }
  ~SocketPeer() override { std::erase(living_, this); }

  void send(std::span<const std::byte> bytes) override {
    queue_.insert(queue_.end(), bytes.begin(), bytes.end());
  }
  std::size_t in_flight() const override {
    int unacknowledged = 0;
    // A UNIX socket's bytes are with their receiver as soon as they are written.
    if (fd_ && remote_.family() != base::Family::kUnix) {
      CHECK(::ioctl(fd_.get(), SIOCOUTQ, &unacknowledged) == 0);
    }
    return queue_.size() - queue_sent_ + static_cast<std::size_t>(unacknowledged);
  }
  const std::vector<std::byte>& received() const override { return received_; }
  void read(bool on, std::size_t read_max) override { read_max_ = on ? read_max : 0; }
  void shutdown_write() override { shutdown_wanted_ = true; }
  void close() override {
    fd_.close();
    stage_ = Stage::kClosed;
  }
  void reset() override {
    const linger now{.l_onoff = 1, .l_linger = 0};
    CHECK(::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now)) == 0);
    close();
  }
  bool connected() const override { return stage_ == Stage::kOpen; }
  bool eof() const override { return eof_; }
  bool was_reset() const override { return stage_ == Stage::kReset; }

  bool step() {
    if (stage_ == Stage::kConnecting && !finish_connect()) return false;
    if (!fd_) return false;
    const bool sent = send_some();
    return receive_some() || sent;
  }

 private:
  void try_connect() {
    const base::RawAddress raw = base::to_raw(remote_);
    // EAGAIN: a UNIX listener's queue is full; step() tries again. TCP would wait by itself.
    asked_ = ::connect(fd_.get(), raw.get(), raw.size) == 0 || errno != EAGAIN;
  }

  bool finish_connect() {
    if (!asked_) try_connect();
    if (!asked_) return false;
    pollfd ready{.fd = fd_.get(), .events = POLLOUT, .revents = 0};
    if (::poll(&ready, 1, 0) == 0) return false;
    int error = 0;
    socklen_t size = sizeof(error);
    CHECK(::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0);
    stage_ = error == 0 ? Stage::kOpen : Stage::kReset;
    return stage_ == Stage::kOpen;
  }

  bool send_some() {
    bool moved = false;
    if (queue_sent_ < queue_.size() && stage_ == Stage::kOpen) {
      const ssize_t sent =
          ::send(fd_.get(), queue_.data() + queue_sent_, queue_.size() - queue_sent_, MSG_NOSIGNAL);
      if (sent > 0) {
        queue_sent_ += static_cast<std::size_t>(sent);
        moved = true;
      } else if (errno != EAGAIN) {
        stage_ = Stage::kReset;
      }
    }
    if (queue_sent_ == queue_.size() && shutdown_wanted_ && stage_ == Stage::kOpen) {
      shutdown_wanted_ = false;
      CHECK(::shutdown(fd_.get(), SHUT_WR) == 0 || errno == ENOTCONN);
      moved = true;
    }
    return moved;
  }

  bool receive_some() {
    if (read_max_ == 0 || eof_ || read_to_end_) return false;
    const std::size_t old = received_.size();
    received_.resize(old + std::min<std::size_t>(read_max_, 256U << 10U));
    const ssize_t got = ::recv(fd_.get(), received_.data() + old, received_.size() - old, 0);
    received_.resize(old + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got > 0) return true;
    if (got < 0 && errno == EAGAIN) return false;
    read_to_end_ = true;
    // After a reset that a send has found, the end looks like FIN.
    if (got < 0) stage_ = Stage::kReset;
    eof_ = stage_ != Stage::kReset;
    return true;
  }

  base::UniqueFd fd_;
  Stage stage_;
  base::Address remote_;
  Living& living_;
  std::vector<std::byte> queue_;
  std::size_t queue_sent_ = 0;
  std::vector<std::byte> received_;
  std::size_t read_max_ = 1U << 20U;
  bool asked_ = false;
  bool shutdown_wanted_ = false;
  bool eof_ = false;
  bool read_to_end_ = false;
};

class SocketService final : public Service {
 public:
  SocketService(base::UniqueFd fd, base::Address address, Living& living)
      : fd_(std::move(fd)), address_(std::move(address)), living_(living) {}

  base::Address address() const override { return address_; }
  std::unique_ptr<Peer> accept() override {
    base::UniqueFd accepted(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted) return nullptr;
    return std::make_unique<SocketPeer>(std::move(accepted), SocketPeer::Stage::kOpen, address_,
                                        living_);
  }

 private:
  base::UniqueFd fd_;
  base::Address address_;
  Living& living_;
};

class SocketHarness final : public Harness {
 public:
  SocketHarness(const std::string& engine, base::Family family)
      : family_(family), factory_(std::move(backends::make_transport_factory(engine).value())) {
    std::string pattern = "/tmp/millrace-contract-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
  }
  ~SocketHarness() override {
    for (const std::string& path : paths_) static_cast<void>(::unlink(path.c_str()));
    factory_.reset();
    CHECK(::rmdir(directory_.c_str()) == 0);  // Nothing left behind, claims included.
  }

  bool has_reset() const override { return family_ != base::Family::kUnix; }
  bool has_descriptors() const override { return true; }

  std::unique_ptr<backends::Transport> make_transport(
      const backends::TransportOptions& options) override {
    return factory_->make(options).value();
  }

  base::Address listen_address() override {
    return factory_->claim({.address = free_address(), .tcp = {}}).value();
  }

  base::Address refusing_address() override {
    if (family_ == base::Family::kUnix) return free_address();
    // Bound, so that nobody else gets the port, and not listening.
    reserved_.push_back(new_socket(family_, {}));
    return bind_to(reserved_.back().get(), free_address());
  }

  std::vector<base::IpPort> sources() const override { return loopback_sources(family_); }

  std::unique_ptr<Service> make_service(const PeerOptions& options) override {
    base::UniqueFd fd = new_socket(family_, options);
    base::Address address = bind_to(fd.get(), free_address());
    CHECK(::listen(fd.get(), SOMAXCONN) == 0);
    if (family_ == base::Family::kUnix) paths_.push_back(address.path);
    return std::make_unique<SocketService>(std::move(fd), std::move(address), living_);
  }

  std::unique_ptr<Peer> make_client(const base::Address& listener,
                                    const PeerOptions& options) override {
    return std::make_unique<SocketPeer>(new_socket(family_, options),
                                        SocketPeer::Stage::kConnecting, listener, living_);
  }

  bool step() override {
    bool moved = false;
    for (SocketPeer* peer : living_) moved |= peer->step();
    return moved;
  }

 private:
  base::Address free_address() {
    if (family_ == base::Family::kV4) return base::parse_address("127.0.0.1:0").value();
    if (family_ == base::Family::kV6) return base::parse_address("[::1]:0").value();
    return base::parse_address("unix:" + directory_ + "/" + std::to_string(++next_path_)).value();
  }

  static base::Address bind_to(int fd, const base::Address& address) {
    const base::RawAddress raw = base::to_raw(address);
    CHECK(::bind(fd, raw.get(), raw.size) == 0);
    base::RawAddress bound;
    bound.size = sizeof(bound.storage);
    CHECK(::getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) == 0);
    return base::from_raw(bound.storage, bound.size);
  }

  base::Family family_;
  std::unique_ptr<backends::TransportFactory> factory_;
  std::string directory_;
  std::vector<std::string> paths_;
  std::vector<base::UniqueFd> reserved_;
  int next_path_ = 0;
  Living living_;
};

}  // namespace

void add_socket_harnesses(std::vector<HarnessFactory>& out) {
  const std::pair<const char*, base::Family> families[] = {
      {"v4", base::Family::kV4}, {"v6", base::Family::kV6}, {"unix", base::Family::kUnix}};
  for (const backends::EngineInfo& engine : backends::engines()) {
    if (!engine.usable || engine.needs_ports) continue;
    const std::string name(engine.name);
    for (const auto& [suffix, family] : families) {
      out.push_back({.name = name + "_" + suffix, .family = family, .make = [name, of = family] {
                       return std::make_unique<SocketHarness>(name, of);
                     }});
    }
  }
}

}  // namespace contract

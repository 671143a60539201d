#include "proxy/resolver.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "base/assert.h"

namespace proxy {
namespace {

using base::Nanos;

std::uint64_t seed() { return static_cast<std::uint64_t>(base::monotonic_now().count()); }

// For poll(2): rounded up, so that it never returns before the time.
int milliseconds_until(Nanos deadline, Nanos now) {
  if (deadline == base::kForever) return -1;
  constexpr Nanos kLongest = std::chrono::hours(24);
  const Nanos wait = std::clamp(deadline - now, Nanos{0}, kLongest);
  return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count());
}

}  // namespace

Resolver::Resolver(DnsDirectory& directory, Log& log)
    : directory_(directory),
      log_(log),
      wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      changed_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      random_(seed()) {
  CHECK(wake_fd_ && changed_fd_);
}

Resolver::~Resolver() {
  if (!thread_.joinable()) return;
  post({.orders = std::nullopt, .stop = true});
  thread_.join();
}

void Resolver::watch(DnsOrders orders) {
  if (!thread_.joinable()) {
    if (orders.names.empty()) return;
    thread_ = std::thread([this] { run(); });
  }
  post({.orders = std::move(orders), .stop = false});
}

void Resolver::post(Mail mail) {
  {
    const std::lock_guard lock(mutex_);
    mail_ = std::move(mail);
  }
  CHECK(eventfd_write(wake_fd_.get(), 1) == 0);
}

void Resolver::run() {
  for (;;) {
    eventfd_t wakes = 0;
    static_cast<void>(eventfd_read(wake_fd_.get(), &wakes));
    Mail mail;
    {
      const std::lock_guard lock(mutex_);
      mail = std::exchange(mail_, {});
    }
    if (mail.stop) return;
    now_ = base::monotonic_now();
    if (mail.orders) take_orders(*std::move(mail.orders));
    step_names();
    start_lookups();
    wake_main();
    wait();
  }
}

void Resolver::take_orders(DnsOrders orders) {
  std::map<std::string, WatchedName> next;
  for (DnsOrder& order : orders.names) {
    const std::string key = order.key();
    const auto known = names_.find(key);
    if (known == names_.end()) {
      next.try_emplace(key, std::move(order), log_);
      continue;
    }
    WatchedName& name = next.try_emplace(key, std::move(known->second)).first->second;
    const DnsFilter& filter = orders.filters.at(order.filter);
    const bool filter_changed = filters_.at(name.order().filter) != filter;
    name.configure(std::move(order), filter, filter_changed, now_);
    // The directory may have forgotten the key and met it again since.
    if (name.answered()) publish(key, name);
  }
  names_ = std::move(next);
  filters_ = std::move(orders.filters);
  waits_.clear();
}

void Resolver::start_lookups() {
  std::size_t under_way = 0;
  std::vector<WatchedName*> due;
  for (auto& [key, name] : names_) {
    if (name.looking()) ++under_way;
    if (name.due(now_)) due.push_back(&name);
  }
  // Whoever has waited longest comes first: when there are too many, all take turns.
  std::sort(due.begin(), due.end(), [](const WatchedName* a, const WatchedName* b) {
    return a->next_lookup() < b->next_lookup();
  });
  due.resize(std::min(due.size(), kLookupsMax - under_way));
  for (WatchedName* name : due) name->look_up(now_);
}

void Resolver::step_names() {
  for (auto& [key, name] : names_) {
    const DnsFilter& filter = filters_.at(name.order().filter);
    if (name.step(waits_, now_, filter, random_.next())) publish(key, name);
  }
}

void Resolver::publish(const std::string& key, const WatchedName& name) {
  const std::uint64_t before = directory_.version();
  directory_.publish(key, name.finding());
  if (directory_.version() != before) news_ = true;
}

void Resolver::wake_main() {
  if (!news_ || now_ < next_wake_) return;
  news_ = false;
  next_wake_ = now_ + kWakeInterval;
  CHECK(eventfd_write(changed_fd_.get(), 1) == 0);
}

void Resolver::wait() {
  waits_.assign(1, {.fd = wake_fd_.get(), .events = POLLIN, .revents = 0});
  Nanos deadline = news_ ? next_wake_ : base::kForever;
  for (const auto& [key, name] : names_) {
    name.add_waits(waits_);
    deadline = std::min(deadline, name.deadline(now_));
  }
  static_cast<void>(::poll(waits_.data(), waits_.size(), milliseconds_until(deadline, now_)));
}

}  // namespace proxy

// The thread that looks up names. It has one because name servers may take seconds, c-ares waits
// on descriptors of its own, and neither main (signals, reloads) nor the workers may wait for
// either. Main says what to watch; what is found goes into the directory, and main is woken.
//
// Owned by main. The thread starts with the first name: without names there is none.
#pragma once

#include <poll.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/prng.h"
#include "base/time.h"
#include "proxy/dns_directory.h"
#include "proxy/dns_filter.h"
#include "proxy/log.h"
#include "proxy/watched_name.h"

namespace proxy {

struct DnsOrders {
  std::vector<DnsOrder> names;     // Keys are unique.
  std::vector<DnsFilter> filters;  // Those the names refer to.
};

class Resolver {
 public:
  // Lookups under way at one time; others wait for their turn. Each takes a few descriptors.
  static constexpr std::size_t kLookupsMax = 32;
  // Main is woken no more often than this, so that many names that change at once are one change of
  // the workers' endpoints.
  static constexpr base::Nanos kWakeInterval = std::chrono::milliseconds(100);

  // Both must outlive the resolver.
  Resolver(DnsDirectory& directory, Log& log);
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  // Drops lookups under way and joins the thread.
  ~Resolver();

  // Main: from now on these names. A name with the key of one that is watched already goes on with
  // what is known of it. The directory must expect the keys already.
  void watch(DnsOrders orders);

  // An eventfd(2), readable when findings in the directory have changed. Main empties it.
  int changed_fd() const { return changed_fd_.get(); }

 private:
  struct Mail {
    std::optional<DnsOrders> orders;  // The latest ones; earlier ones are of no use any more.
    bool stop = false;
  };

  void post(Mail mail);
  // The rest is the thread's.
  void run();
  void take_orders(DnsOrders orders);
  void start_lookups();
  void wait();
  void step_names();
  void publish(const std::string& key, const WatchedName& name);
  void wake_main();

  DnsDirectory& directory_;
  Log& log_;
  base::UniqueFd wake_fd_;
  base::UniqueFd changed_fd_;
  std::mutex mutex_;
  Mail mail_;  // Under the mutex.

  base::Nanos now_{0};
  base::Prng random_;
  std::vector<DnsFilter> filters_;
  std::map<std::string, WatchedName> names_;  // By key.
  std::vector<pollfd> waits_;
  bool news_ = false;  // Main has not been woken for the latest change yet.
  base::Nanos next_wake_{0};
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace proxy

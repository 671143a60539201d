#include "tests/simulation/checker.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/address.h"
#include "proxy/timer_wheel.h"

namespace simulation {
namespace {

using backends::SimPeer;

class Checker {
 public:
  Checker(World& world, const config::Timeouts& timeouts, const Excuses& excuses)
      : world_(world), timeouts_(timeouts), excuses_(excuses), failures_(world.failures()) {
    for (const auto& client : world.clients()) clients_[client->number()] = client.get();
    for (const auto& service : world.services()) {
      for (const auto& upstream : service->peers()) upstreams_[upstream->number()] = upstream.get();
    }
  }

  std::vector<std::string> run() {
    check_pairs();
    check_strangers();
    check_everybody_heard_the_end();
    check_counters();
    for (const EndedSession& session : world_.log()) check_session(session);
    return failures_;
  }

 private:
  void fail(const std::string& sentence) { failures_.push_back(sentence); }
  static std::string name(const char* what, std::uint64_t number) {
    return std::string(what) + " " + std::to_string(number);
  }

  const SimPeer* find(const std::map<std::uint64_t, const SimPeer*>& all, std::uint64_t number) {
    const auto found = all.find(number);
    return found == all.end() ? nullptr : found->second;
  }

  void check_pairs() {
    const auto& pairs = world_.pairs();
    std::map<std::uint64_t, std::size_t> last;  // Of each upstream end.
    for (std::size_t i = 0; i < pairs.size(); ++i) last[pairs[i].upstream] = i;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const backends::SimPair& pair = pairs[i];
      const SimPeer* client = find(clients_, pair.client);
      if (client == nullptr) {
        fail(name("a relay was made for the unknown client", pair.client));
        continue;
      }
      if (!relayed_.insert(pair.client).second) {
        fail(name("client", pair.client) + " was relayed twice");
      }
      // An upstream end that reset at once, before anybody saw it, has no peer object.
      const SimPeer* upstream = find(upstreams_, pair.upstream);
      if (upstream != nullptr && last[pair.upstream] != i) {
        check_unused(pair, *client);
        continue;
      }
      partners_.emplace(pair.client, pair.upstream);
      if (upstream == nullptr) continue;
      partners_.emplace(pair.upstream, pair.client);
      // Perhaps it went back to the pool, and its end has nothing to do with the client's.
      const bool silent = client->received().empty() && upstream->received().empty();
      if (excuses_.pooled && silent) continue;
      check_stream(name("upstream end", pair.upstream), *client, *upstream);
      check_stream(name("client", pair.client), *upstream, *client);
    }
  }

  // The upstream end has served somebody else later: nothing of this client may be on it.
  void check_unused(const backends::SimPair& pair, const SimPeer& client) {
    if (!excuses_.pooled) fail(name("upstream end", pair.upstream) + " was relayed twice");
    if (client.received().empty()) return;
    fail(name("upstream end", pair.upstream) + " was used twice");
  }

  // What arrived is a prefix of what was sent, and a FIN only comes after all of it.
  void check_stream(const std::string& reader, const SimPeer& from, const SimPeer& to) {
    const auto& received = to.received();
    if (received.size() > from.sent()) {
      fail(reader + " received " + std::to_string(received.size()) + " bytes of " +
           std::to_string(from.sent()));
    } else if (!std::equal(received.begin(), received.end(), from.queued().begin())) {
      fail(reader + " received other bytes than were sent to it");
    }
    // On a UNIX socket a reset looks like a FIN: there is nothing else.
    if (!to.eof() || to.local().family() == base::Family::kUnix) return;
    if (!from.sent_fin()) fail(reader + " saw a FIN that nobody sent");
    if (received.size() != from.sent()) {
      fail(reader + " saw the FIN after " + std::to_string(received.size()) + " bytes of " +
           std::to_string(from.sent()));
    }
  }

  // Ends that were never in a relay have heard nothing but a reset.
  void check_strangers() {
    for (const auto* all : {&clients_, &upstreams_}) {
      for (const auto& [number, peer] : *all) {
        if (partners_.contains(number) || is_pair_end(number)) continue;
        const bool checked = excuses_.checks_send && all == &upstreams_;
        if (!peer->received().empty() && !checked) {
          fail(name("bytes for the unrelayed end", number));
        }
        const bool has_reset = peer->local().family() != base::Family::kUnix;
        // A pool says goodbye to what it has not used.
        const bool from_pool = excuses_.pooled && all == &upstreams_;
        if (peer->eof() && has_reset && !from_pool) {
          fail(name("a FIN for the unrelayed end", number));
        }
      }
    }
  }

  bool is_pair_end(std::uint64_t number) const {
    return std::any_of(world_.pairs().begin(), world_.pairs().end(), [&](const auto& pair) {
      return pair.client == number || pair.upstream == number;
    });
  }

  // Nobody is left hanging when the proxy has gone.
  void check_everybody_heard_the_end() {
    for (const auto* all : {&clients_, &upstreams_}) {
      for (const auto& [number, peer] : *all) {
        const bool stopped_reading = peer->paused();
        const bool heard = peer->gone() || peer->eof() || peer->was_reset();
        if (heard || stopped_reading || excuses_.cut.contains(number)) continue;
        fail(name("nobody told the end", number) + " that it is over");
      }
    }
  }

  void check_counters() {
    if (world_.accepted() != world_.rejected() + world_.ended()) {
      fail("accepted " + std::to_string(world_.accepted()) + ", rejected " +
           std::to_string(world_.rejected()) + ", ended " + std::to_string(world_.ended()));
    }
    if (world_.log().size() != world_.ended()) {
      fail(std::to_string(world_.log().size()) + " lines for " + std::to_string(world_.ended()) +
           " sessions");
    }
    std::array<std::uint64_t, backends::kDirections> logged{};
    for (const EndedSession& session : world_.log()) {
      logged[0] += session.bytes_to_upstream;
      logged[1] += session.bytes_to_client;
    }
    std::array<std::uint64_t, backends::kDirections> counted{};
    std::uint64_t moved = 0;
    world_.catalog().read([&](const proxy::MetricsCatalog::Contents& contents) {
      for (const auto& [names, series] : contents.routes) {
        for (const auto& cells : series->cells) {
          for (std::size_t i = 0; i < backends::kDirections; ++i) {
            counted[i] += cells->bytes[i].value();
          }
          if (cells->sessions.value() != 0) fail("a route counts sessions after the end");
        }
      }
      for (const auto& [names, series] : contents.listeners) {
        for (const auto& cells : series->cells) {
          if (cells->sessions.value() != 0) fail("a listener counts sessions after the end");
        }
      }
      for (const auto& [names, series] : contents.endpoints) {
        for (const auto& cells : series->cells) {
          if (cells->sessions.value() != 0) fail("an endpoint counts sessions after the end");
          if (cells->connecting.value() != 0) fail("an endpoint counts connects after the end");
          if (cells->pooled.value() != 0) fail("an endpoint's pool is not empty after the end");
        }
      }
      for (const auto& [names, series] : contents.upstreams) {
        for (const auto& cells : series->cells) {
          if (cells->sessions.value() != 0) fail("an upstream counts sessions after the end");
          if (cells->connecting.value() != 0) fail("an upstream counts connects after the end");
          if (cells->queued.value() != 0) fail("an upstream's queue is not empty after the end");
          if (cells->pool_idle.value() + cells->pool_connecting.value() != 0) {
            fail("an upstream's pool is not empty after the end");
          }
        }
      }
    });
    for (std::size_t i = 0; i < world_.catalog().workers(); ++i) {
      const auto stats = world_.catalog().worker(i).transport.read();
      moved += stats.method_bytes[static_cast<std::size_t>(backends::Method::kCopy)];
    }
    if (counted != logged) fail("the metric's bytes differ from the access log's");
    if (moved != logged[0] + logged[1]) fail("the transports moved other bytes than were counted");
  }

  void check_session(const EndedSession& session) {
    const SimPeer* client = client_of(session);
    if (client == nullptr) return;  // A UNIX client has no name.
    const auto partner = partners_.find(client->number());
    const SimPeer* upstream =
        partner == partners_.end() ? nullptr : find(upstreams_, partner->second);
    const std::string what = name("client", client->number()) + " ended with " + session.reason();
    check_reason(session, *client, upstream, what);
    if (upstream == nullptr) return;
    if (upstream->received().size() > session.bytes_to_upstream ||
        client->received().size() > session.bytes_to_client) {
      fail(what + ": more bytes arrived than were counted");
    }
    check_last_bytes(session, *client, *upstream, what);
  }

  const SimPeer* client_of(const EndedSession& session) {
    for (const auto& [number, client] : clients_) {
      if (base::to_string(base::unmapped(client->local().ip)) == session.client &&
          client->local().family() != base::Family::kUnix) {
        return client;
      }
    }
    return nullptr;
  }

  void check_reason(const EndedSession& session, const SimPeer& client, const SimPeer* upstream,
                    const std::string& what) {
    const std::string reason = session.reason();
    const bool cut = excuses_.cut.contains(client.number()) ||
                     (upstream != nullptr && excuses_.cut.contains(upstream->number()));
    const auto total = std::chrono::duration<double>(session.total_seconds);
    bool plausible = false;
    if (reason == "client/eof" || reason == "upstream/eof") {
      plausible = client.sent_fin() && upstream != nullptr && upstream->sent_fin();
      // It left without a byte, and its upstream connection went back to the pool.
      const bool unused = session.bytes_to_upstream + session.bytes_to_client == 0;
      if (excuses_.pooled && unused) plausible = plausible || client.sent_fin();
    } else if (reason == "client/reset") {
      plausible = client.gone() || cut;
    } else if (reason == "upstream/reset") {
      plausible = cut || (upstream != nullptr ? upstream->gone() : excuses_.connects_fail);
    } else if (reason == "proxy/idle") {
      plausible = timeouts_.idle.count() > 0 && total >= timeouts_.idle;
    } else if (reason == "proxy/half_close_timeout") {
      plausible = timeouts_.half_close.count() > 0 && total >= timeouts_.half_close &&
                  (client.sent_fin() || (upstream != nullptr && upstream->sent_fin()));
    } else if (reason == "proxy/lifetime") {
      // A tick of the wheel late at most, and the abort's own poll.
      plausible = timeouts_.lifetime.count() > 0 && total >= timeouts_.lifetime &&
                  total <= timeouts_.lifetime + 2 * proxy::TimerWheel::kTick;
    } else if (reason == "upstream/connect_refused" || reason == "upstream/connect_timeout" ||
               reason == "upstream/connect_unreachable" || reason == "upstream/reset") {
      plausible = excuses_.connects_fail && upstream == nullptr;
    } else if (reason == "proxy/no_endpoint") {
      plausible = excuses_.no_endpoint;
    } else if (reason == "proxy/limit" || reason == "proxy/queue_full" ||
               reason == "proxy/queue_timeout") {
      plausible = excuses_.limited && upstream == nullptr;
    } else if (reason == "admin/removed") {
      plausible = excuses_.removed;
    } else if (reason == "admin/drain") {
      plausible = excuses_.drained;
    } else if (reason == "proxy/resource") {
      plausible = excuses_.exhausted;
    }
    if (!plausible) {
      fail(what + " after " + std::to_string(session.total_seconds) + " s (relayed after " +
           std::to_string(session.setup_seconds) + " s), which nothing explains");
    }
  }

  // Everything that had arrived at the proxy before a reset or a close was delivered first.
  void check_last_bytes(const EndedSession& session, const SimPeer& client, const SimPeer& upstream,
                        const std::string& what) {
    const bool by_client = session.reason() == "client/reset";
    const bool by_upstream = session.reason() == "upstream/reset";
    if (!by_client && !by_upstream) return;
    const SimPeer& from = by_client ? client : upstream;
    const SimPeer& to = by_client ? upstream : client;
    const bool cut = excuses_.cut.contains(from.number()) || excuses_.cut.contains(to.number());
    if (!from.reset_cleanly() || to.gone() || !to.was_reset() || cut) return;
    if (to.received().size() != from.sent()) {
      fail(what + ": the reset overtook " + std::to_string(from.sent() - to.received().size()) +
           " bytes");
    }
  }

  World& world_;
  const config::Timeouts& timeouts_;
  const Excuses& excuses_;
  std::vector<std::string> failures_;
  std::map<std::uint64_t, const SimPeer*> clients_;
  std::map<std::uint64_t, const SimPeer*> upstreams_;
  std::map<std::uint64_t, std::uint64_t> partners_;
  std::set<std::uint64_t> relayed_;  // Clients.
};

}  // namespace

std::vector<std::string> check(World& world, const config::Timeouts& timeouts,
                               const Excuses& excuses) {
  return Checker(world, timeouts, excuses).run();
}

}  // namespace simulation

// The listeners and upstreams of one worker, kept in step with the configuration. A change comes in
// two steps, because it must take effect on all workers or on none: prepare() listens on what is
// new and can fail; commit() cannot. What stays keeps its sockets; what goes lives until its last
// session has ended. Owned by the worker, on its thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "backends/transport.h"
#include "base/slab.h"
#include "proxy/listener.h"
#include "proxy/snapshot.h"
#include "proxy/upstream.h"

namespace proxy {

// Which address could not be listened on, as indices into the snapshot's listeners and their binds.
struct BindFailure {
  std::size_t listener = 0;
  std::size_t bind = 0;
  base::Errno error = base::Errno::kNone;
};

class Roster {
 public:
  // seed: spreads the workers' choices where a balancer has one.
  Roster(std::size_t worker, std::uint64_t seed, backends::Transport& transport);

  // Listens on the addresses that are new in the snapshot, paused. On failure nothing has changed.
  std::optional<BindFailure> prepare(SnapshotPtr snapshot);
  // Takes over the prepared snapshot, or drops it.
  void commit();
  void abandon();

  // No client is accepted any more, but those whose handshake is complete still come.
  void unlisten_all();

  // Every upstream looks at its endpoints' verdicts again.
  void read_verdicts();

  Listener* find(base::SlotId id) { return listeners_.find(id); }

  // Frees what was removed and has no session left. True while something is left to free later.
  bool purge();

  const SnapshotPtr& snapshot() const { return snapshot_; }
  // In the order of the snapshot's.
  std::span<const std::unique_ptr<Upstream>> upstreams() const { return upstreams_; }

 private:
  struct Prepared {
    std::size_t plan = 0;
    base::SlotId listener;
    backends::ListenSpec spec;
    backends::ListenerId id = backends::ListenerId::kNone;
  };

  std::optional<BindFailure> prepare_listener(std::size_t plan);
  base::SlotId find_or_add(const ListenerPlan& plan);
  void leave_clients_to_owner(const Prepared& prepared);
  void commit_listener(std::size_t plan);
  static void put_in_force(const SessionRules& rules);
  void commit_upstreams();
  void remove_listener(Listener& listener);
  void unlisten(Listener& listener);
  bool in_use(const Upstream& upstream);
  static bool purge_rules(Listener& listener);

  std::size_t worker_;
  std::uint64_t seed_;
  backends::Transport& transport_;
  base::Slab<Listener> listeners_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;  // Same index as in the snapshot,
  std::vector<std::unique_ptr<Upstream>> removed_upstreams_;
  SnapshotPtr snapshot_;
  SnapshotPtr next_;  // Between prepare() and commit().
  std::vector<Prepared> prepared_;
};

}  // namespace proxy

#include "proxy/roster.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "proxy/tag_kind.h"

namespace proxy {
namespace {

// A configuration has at most so many listeners, those that a reload removed included.
constexpr std::size_t kListenersMax = 65536;

// Clients whose handshake was complete arrive within the next polls after unlisten(); a removed
// listener is kept at least so long.
constexpr base::Nanos kUnlistenGrace = std::chrono::seconds(1);

bool same_socket(const backends::ListenSpec& a, const backends::ListenSpec& b) {
  return a.address == b.address && a.v6_only == b.v6_only && a.backlog == b.backlog &&
         a.tcp == b.tcp;
}

bool has_bind(const Listener& listener, const backends::ListenSpec& spec) {
  return std::any_of(listener.binds.begin(), listener.binds.end(),
                     [&](const ListenerBind& bind) { return same_socket(bind.spec, spec); });
}

}  // namespace

Roster::Roster(std::size_t worker, std::uint64_t seed, backends::Transport& transport)
    : worker_(worker), seed_(seed), transport_(transport), listeners_(kListenersMax) {}

std::optional<BindFailure> Roster::prepare(SnapshotPtr snapshot) {
  CHECK(next_ == nullptr);
  next_ = std::move(snapshot);
  for (std::size_t plan = 0; plan < next_->listeners.size(); ++plan) {
    if (auto failure = prepare_listener(plan)) {
      abandon();
      return failure;
    }
  }
  return std::nullopt;
}

base::SlotId Roster::find_or_add(const ListenerPlan& plan) {
  base::SlotId found;
  listeners_.for_each([&](base::SlotId id, const Listener& listener) {
    if (!listener.removed && listener.series == plan.series) found = id;
  });
  if (found.generation != 0) return found;
  const base::SlotId id = listeners_.emplace();
  if (id.generation == 0) return id;
  listeners_[id].id = id;
  listeners_[id].series = plan.series;
  return id;
}

std::optional<BindFailure> Roster::prepare_listener(std::size_t plan) {
  const ListenerPlan& wanted = next_->listeners[plan];
  const base::SlotId id = find_or_add(wanted);
  if (id.generation == 0) return BindFailure{plan, 0, base::to_errno(ENOMEM)};
  for (std::size_t bind = 0; bind < wanted.binds.size(); ++bind) {
    const backends::ListenSpec& spec = wanted.binds[bind];
    if (has_bind(listeners_[id], spec)) continue;
    const auto listening = transport_.listen(spec, make_tag(TagKind::kListener, id));
    if (!listening) return BindFailure{plan, bind, listening.error()};
    transport_.pause(*listening, true);
    prepared_.push_back({.plan = plan, .listener = id, .spec = spec, .id = *listening});
  }
  return std::nullopt;
}

void Roster::abandon() {
  for (const Prepared& prepared : prepared_) {
    transport_.unlisten(prepared.id);
    leave_clients_to_owner(prepared);
  }
  prepared_.clear();
  next_.reset();
  // Listeners that were made for the snapshot have no bind; the rest keeps what it has.
  listeners_.for_each([this](base::SlotId id, const Listener& listener) {
    if (!listener.removed && listener.binds.empty()) listeners_.erase(id);
  });
}

// A listener that was only renamed has prepared an address which another one listens on already,
// and the kernel has given it a share of that one's clients. They are served by the rules in force.
void Roster::leave_clients_to_owner(const Prepared& prepared) {
  Listener& guest = listeners_[prepared.listener];
  if (guest.removed || !guest.binds.empty()) return;
  listeners_.for_each([&](base::SlotId, const Listener& owner) {
    const bool listens = std::any_of(owner.binds.begin(), owner.binds.end(), [&](const auto& bind) {
      return bind.spec.address == prepared.spec.address;
    });
    if (!listens) return;
    SessionRules rules = *owner.rules.back();
    rules.listener = &guest;
    rules.sessions = 0;
    guest.rules.push_back(std::make_unique<SessionRules>(rules));
    guest.tcp = owner.tcp;
    guest.max_sessions = owner.max_sessions;
    guest.series = owner.series;
    guest.cells = owner.cells;
    guest.sessions = 0;
    guest.paused = 0;
    guest.removed = true;
    guest.removed_at = transport_.now();
  });
}

void Roster::commit() {
  CHECK(next_ != nullptr);
  commit_upstreams();
  for (std::size_t plan = 0; plan < next_->listeners.size(); ++plan) commit_listener(plan);
  listeners_.for_each([this](base::SlotId, Listener& listener) {
    const auto& plans = next_->listeners;
    const bool stays = std::any_of(plans.begin(), plans.end(), [&](const ListenerPlan& plan) {
      return plan.series == listener.series;
    });
    if (!stays && !listener.removed) remove_listener(listener);
  });
  prepared_.clear();
  snapshot_ = std::exchange(next_, nullptr);
}

void Roster::commit_upstreams() {
  std::vector<std::unique_ptr<Upstream>> old = std::move(upstreams_);
  upstreams_.clear();
  for (const UpstreamPlan& plan : next_->upstreams) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& upstream) {
      return upstream != nullptr && upstream->name() == plan.config->name;
    });
    auto upstream =
        same != old.end() ? std::move(*same) : std::make_unique<Upstream>(worker_, seed_);
    upstream->apply(next_, plan, transport_.now());
    upstreams_.push_back(std::move(upstream));
  }
  for (auto& gone : old) {
    if (gone == nullptr) continue;
    gone->retire(next_->config.shutdown.drain, transport_.now());
    removed_upstreams_.push_back(std::move(gone));
  }
}

// A listener's rules that say the same stay in force: reloads must not pile up copies of them.
void Roster::put_in_force(const SessionRules& rules) {
  auto& all = rules.listener->rules;
  const bool same = !all.empty() && all.back()->upstream == rules.upstream &&
                    all.back()->route == rules.route && all.back()->timeouts == rules.timeouts;
  if (!same) all.push_back(std::make_unique<SessionRules>(rules));
}

void Roster::commit_listener(std::size_t plan) {
  const ListenerPlan& wanted = next_->listeners[plan];
  Listener& listener = listeners_[find_or_add(wanted)];
  std::vector<ListenerBind> binds;
  for (const ListenerBind& bind : listener.binds) {
    const bool stays = std::any_of(wanted.binds.begin(), wanted.binds.end(),
                                   [&](const auto& spec) { return same_socket(bind.spec, spec); });
    if (stays) {
      binds.push_back(bind);
    } else {
      transport_.unlisten(bind.id);
    }
  }
  for (const Prepared& prepared : prepared_) {
    if (prepared.plan != plan) continue;
    transport_.pause(prepared.id, false);
    binds.push_back({.spec = prepared.spec, .id = prepared.id});
  }
  listener.binds = std::move(binds);
  SessionRules rules;
  rules.listener = &listener;
  rules.upstream = upstreams_[wanted.upstream].get();
  rules.route = wanted.route;
  rules.route_cells = wanted.route->cells[worker_].get();
  rules.timeouts = wanted.config->timeouts;
  put_in_force(rules);
  listener.tcp = tcp_options(wanted.config->tcp);
  listener.max_sessions = wanted.config->max_sessions;
  listener.cells = wanted.series->cells[worker_].get();
}

void Roster::unlisten(Listener& listener) {
  for (const ListenerBind& bind : listener.binds) transport_.unlisten(bind.id);
  listener.binds.clear();
  listener.paused = 0;
  listener.cells->paused.set(0);
}

void Roster::remove_listener(Listener& listener) {
  unlisten(listener);
  listener.removed = true;
  listener.removed_at = transport_.now();
}

void Roster::unlisten_all() {
  listeners_.for_each([this](base::SlotId, Listener& listener) {
    if (!listener.removed) unlisten(listener);
  });
}

void Roster::read_verdicts() {
  for (const auto* all : {&upstreams_, &removed_upstreams_}) {
    for (const auto& upstream : *all) upstream->read_verdicts(transport_.now());
  }
}

bool Roster::in_use(const Upstream& upstream) {
  bool used = upstream.in_use();
  listeners_.for_each([&](base::SlotId, const Listener& listener) {
    for (const auto& rules : listener.rules) used = used || rules->upstream == &upstream;
  });
  return used;
}

// Frees the rules that are not in force any more and have no session. True while others are left.
bool Roster::purge_rules(Listener& listener) {
  auto& all = listener.rules;
  if (all.empty()) return false;
  const auto in_force = all.end() - 1;
  const auto unused = [](const auto& rules) { return rules->sessions == 0; };
  all.erase(std::remove_if(all.begin(), in_force, unused), in_force);
  return all.size() > 1;
}

bool Roster::purge() {
  bool left = false;
  listeners_.for_each([&](base::SlotId id, Listener& listener) {
    left = purge_rules(listener) || left;
    if (!listener.removed) return;
    if (listener.sessions == 0 && transport_.now() >= listener.removed_at + kUnlistenGrace) {
      listeners_.erase(id);
    } else {
      left = true;
    }
  });
  std::erase_if(removed_upstreams_, [this](const auto& gone) { return !in_use(*gone); });
  return left || !removed_upstreams_.empty();
}

}  // namespace proxy

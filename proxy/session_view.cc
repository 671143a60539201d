#include "proxy/session_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "proxy/end_reason.h"
#include "proxy/session_record.h"

namespace proxy {
namespace {

// "1.22.333" as so many numbers; nothing when it is anything else.
template <std::size_t Count>
std::optional<std::array<std::uint32_t, Count>> numbers_of(std::string_view text) {
  std::array<std::uint32_t, Count> numbers{};
  for (std::size_t i = 0; i < Count; ++i) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (error != std::errc() || end == text.data()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool last = i + 1 == Count;
    if (last ? !text.empty() : !text.starts_with('.')) return std::nullopt;
    if (!last) text.remove_prefix(1);
  }
  return numbers;
}

std::string endpoint_text(const AccessRecord& record) {
  if (record.endpoint != nullptr) return *record.endpoint;
  if (record.endpoint_address.family == base::Family::kNone) return {};
  return base::to_string(record.endpoint_address);
}

bool same_client(const base::IpPort& wanted, const base::IpPort& client) {
  if (wanted.family == base::Family::kNone) return true;
  base::IpPort plain = base::unmapped(client);
  if (wanted.port == 0) plain.port = 0;
  return plain == wanted;
}

}  // namespace

std::string to_string(const SessionName& name) {
  return fmt::format("{}.{}.{}", name.worker, name.slot.slot, name.slot.generation);
}

std::optional<SessionName> session_name_of(std::string_view text) {
  const auto numbers = numbers_of<3>(text);
  if (!numbers) return std::nullopt;
  return SessionName{(*numbers)[0], {.slot = (*numbers)[1], .generation = (*numbers)[2]}};
}

std::string to_string(const SessionCursor& cursor) {
  return fmt::format("{}.{}", cursor.worker, cursor.slot);
}

std::optional<SessionCursor> session_cursor_of(std::string_view text) {
  const auto numbers = numbers_of<2>(text);
  if (!numbers) return std::nullopt;
  return SessionCursor{(*numbers)[0], (*numbers)[1]};
}

std::string_view name(SessionState state) {
  switch (state) {
    case SessionState::kQueued:
    case SessionState::kAwaitingRoom:
      return "queued";
    case SessionState::kConnecting:
      return "connecting";
    case SessionState::kRelaying:
      return "relaying";
    case SessionState::kAborting:
      return "ending";
  }
  base::check_failed(__FILE__, __LINE__, "a session state of the enum");
}

bool fits(const SessionFilter& filter, const AccessRecord& record) {
  const auto same = [](const std::string& wanted, const std::string* found) {
    return wanted.empty() || (found != nullptr && *found == wanted);
  };
  if (!same(filter.listener, record.listener) || !same(filter.upstream, record.upstream)) {
    return false;
  }
  if (!same_client(filter.client, record.client)) return false;
  return filter.endpoint.empty() || endpoint_text(record) == filter.endpoint;
}

SessionRow row_of(const Session& session, std::size_t worker, std::string_view transport,
                  base::Nanos now) {
  SessionRow row;
  row.name = {worker, session.id};
  row.state = session.state;
  // The reason is not used: it has none yet.
  row.record = record_of(session, EndReason{}, now, worker, transport);
  row.idle = now - std::max(session.accepted_at, session.progress.last_active);
  row.endpoint = endpoint_text(row.record);
  return row;
}

}  // namespace proxy

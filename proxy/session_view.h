// Sessions as the admin API sees them: names, filters, rows and pages. Plain values that main fills
// in and workers answer; payload is never among them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/transport.h"
#include "base/address.h"
#include "base/slab.h"
#include "base/time.h"
#include "proxy/access_record.h"
#include "proxy/session.h"

namespace proxy {

// A session of this process; the text is "WORKER.SLOT.GENERATION" and never names another one.
struct SessionName {
  std::size_t worker = 0;
  base::SlotId slot;

  friend bool operator==(const SessionName&, const SessionName&) = default;
};
std::string to_string(const SessionName& name);
std::optional<SessionName> session_name_of(std::string_view text);

// What must fit; an empty text and an address of no family fit everything.
struct SessionFilter {
  std::string listener;
  std::string upstream;
  std::string endpoint;
  base::IpPort client;  // Port 0: any port of the address.
};

struct SessionRow {
  SessionName name;
  SessionState state = SessionState::kQueued;
  AccessRecord record;   // As it would be logged if the session ended now.
  base::Nanos idle{0};   // Since payload moved, or since accept.
  std::string endpoint;  // As the access log prints it; empty when there is none.
};

// "queued", "connecting", "relaying", "ending".
std::string_view name(SessionState state);

// Where a page goes on; the text is "WORKER.SLOT".
struct SessionCursor {
  std::size_t worker = 0;
  std::uint32_t slot = 0;

  friend bool operator==(const SessionCursor&, const SessionCursor&) = default;
};
std::string to_string(const SessionCursor& cursor);
std::optional<SessionCursor> session_cursor_of(std::string_view text);

// Each session that is there from the first page to the last is on exactly one of them.
struct SessionPage {
  std::vector<SessionRow> rows;
  std::optional<SessionCursor> next;  // Unset: that was the last.
};

// A step of a worker through its table: what is asked, and what it found. Main owns it and waits.
struct SessionSlice {
  const SessionFilter* filter = nullptr;
  std::optional<base::SlotId> only;  // This one alone.
  std::uint32_t slot = 0;            // The first to look at; then the one to go on with,
  bool at_end = false;               // unless this is set.
  std::size_t rows_max = 0;
  std::vector<SessionRow> rows;
};

// Sessions to be ended, and how many of them were there.
struct SessionEnding {
  std::vector<base::SlotId> slots;
  std::size_t ended = 0;
};

// Whether the session fits, and what is to be shown of it. The worker's thread.
bool fits(const SessionFilter& filter, const AccessRecord& record);
SessionRow row_of(const Session& session, std::size_t worker, std::string_view transport,
                  base::Nanos now);

}  // namespace proxy

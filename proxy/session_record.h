// What the access log is told of a session: a plain record with the log's words in it. A pure
// function of the session.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/time.h"
#include "proxy/access_record.h"
#include "proxy/end_reason.h"
#include "proxy/session.h"

namespace proxy {

// Of a session that ends now. transport: the engine's name, which lives as long as the log.
AccessRecord record_of(const Session& session, EndReason reason, base::Nanos now,
                       std::size_t worker, std::string_view transport);

}  // namespace proxy

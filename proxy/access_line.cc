#include "proxy/access_line.h"

#include <fmt/format.h>

#include <string_view>

#include "base/address.h"
#include "proxy/log_format.h"

namespace proxy {
namespace {

// What stands before a value, appended in one piece: a line has sixteen of them, and its cost is
// in their number (docs/benchmarks.md).
struct Key {
  std::string_view text;
  std::string_view json;
};
constexpr Key kListener{" access  listener=", R"(","log":"access","listener":)"};
constexpr Key kUpstream{" upstream=", R"(,"upstream":)"};
constexpr Key kEndpoint{" endpoint=", R"(,"endpoint":)"};
constexpr Key kClient{" client=", R"(,"client":)"};
constexpr Key kLocal{" local=", R"(,"local":)"};
constexpr Key kActor{" actor=", R"(,"actor":)"};
constexpr Key kCause{" cause=", R"(,"cause":)"};
constexpr Key kBytesToUpstream{" bytes_to_upstream=", R"(,"bytes_to_upstream":)"};
constexpr Key kBytesToClient{" bytes_to_client=", R"(,"bytes_to_client":)"};
constexpr Key kSetup{" setup=", R"(,"setup":)"};
constexpr Key kConnect{" connect=", R"(,"connect":)"};
constexpr Key kTotal{" total=", R"(,"total":)"};
constexpr Key kAttempts{" attempts=", R"(,"attempts":)"};
constexpr Key kPool{" pool=", R"(,"pool":)"};
constexpr Key kWorker{" worker=", R"(,"worker":)"};
constexpr Key kTransport{" transport=", R"(,"transport":)"};

// Appends the values of a line one after the other.
class LineWriter {
 public:
  LineWriter(std::string& out, config::LogFormat format)
      : out_(out), json_(format == config::LogFormat::kJson) {}

  void begin(std::chrono::system_clock::time_point time) {
    if (json_) out_ += R"({"ts":")";
    append_timestamp(out_, time);
  }
  void end() { out_ += json_ ? "}\n" : "\n"; }

  // Somebody's text. Null: there is none.
  void text(const Key& key, const std::string* value) {
    put(key);
    if (value == nullptr) {
      none();
    } else if (json_) {
      append_json_string(out_, *value);
    } else {
      append_value(out_, *value);
    }
  }

  // A word of ours: nothing in it needs quoting.
  void word(const Key& key, std::string_view value) {
    put(key);
    if (json_) out_ += '"';
    out_ += value;
    if (json_) out_ += '"';
  }

  // A word as well, but for the name of a zone, which is somebody's.
  void address(const Key& key, const base::IpPort& value) {
    const std::string shown = base::to_string(value);
    value.scope_id == 0 ? word(key, shown) : text(key, &shown);
  }

  void number(const Key& key, std::uint64_t value) {
    put(key);
    const fmt::format_int digits(value);
    out_.append(digits.data(), digits.size());
  }

  void seconds(const Key& key, base::Nanos value) {
    put(key);
    value < base::Nanos{0} ? none() : append_seconds(out_, value);
  }

 private:
  void put(const Key& key) { out_ += json_ ? key.json : key.text; }
  void none() { out_ += json_ ? "null" : "-"; }

  std::string& out_;
  bool json_;
};

}  // namespace

void append_access_line(std::string& out, config::LogFormat format, const AccessRecord& record,
                        base::Nanos now, std::chrono::system_clock::time_point wall) {
  const auto age =
      std::chrono::duration_cast<std::chrono::system_clock::duration>(now - record.ended);
  LineWriter line(out, format);
  line.begin(wall - age);
  line.text(kListener, record.listener);
  line.text(kUpstream, record.upstream);
  if (record.endpoint == nullptr && record.endpoint_address.family != base::Family::kNone) {
    line.address(kEndpoint, record.endpoint_address);
  } else {
    line.text(kEndpoint, record.endpoint);
  }
  line.address(kClient, base::unmapped(record.client));
  line.address(kLocal, base::unmapped(record.local));
  line.word(kActor, name(record.reason.actor));
  line.word(kCause, name(record.reason.cause));
  line.number(kBytesToUpstream, record.bytes[index_of(backends::Direction::kToUpstream)]);
  line.number(kBytesToClient, record.bytes[index_of(backends::Direction::kToClient)]);
  line.seconds(kSetup, record.setup);
  line.seconds(kConnect, record.connect);
  line.seconds(kTotal, record.total);
  line.number(kAttempts, record.attempts);
  line.word(kPool, name(record.pool));
  line.number(kWorker, record.worker);
  line.word(kTransport, record.transport);
  line.end();
}

}  // namespace proxy

// DPDK's environment (EAL): started once in a process, by main, before there are workers, and ended
// after them. Of its lcores it has one, the thread that starts it; workers are our threads and
// enter by WorkerPlace. This folder is the only one that includes rte_*.h, and only in its sources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/dpdk/eal/eal_log.h"
#include "base/result.h"

namespace backends::dpdk::eal {

enum class PortKind : std::uint8_t {
  kPci,     // "0000:3b:00.0" or "3b:00.0", bound to vfio-pci or to a driver that shares it.
  kVirtual  // "net_af_packet0,iface=veth1": a driver of DPDK's over something else.
};

struct PortName {
  PortKind kind = PortKind::kVirtual;
  std::string name;       // As DPDK names the port: "0000:3b:00.0", "net_af_packet0".
  std::string arguments;  // For its driver, with the comma in front; may be empty.
};

// Why not: a sentence.
base::Parsed<PortName> parse_port(std::string_view text);

struct EalOptions {
  std::vector<std::string> ports;  // Each for parse_port().
  bool huge_pages = true;          // Use them when there are enough of them.
  std::size_t memory_mib = 256;    // At least this much has to be in huge pages for that; all that
                                   // there is without them.
  std::vector<std::string> arguments;  // The operator's own, behind ours.
  EalLog::Listener log;                // May be empty.
};

// What the machine offers.
struct Host {
  std::uint64_t free_huge_mib = 0;
  std::vector<int> cpus;  // That the calling thread may run on.
};
Host read_host();

// The command line of EAL, and what the operator should know about it, in sentences.
struct EalPlan {
  std::vector<std::string> arguments;
  std::vector<std::string> notes;
};
EalPlan plan_eal(const EalOptions& options, const std::vector<PortName>& ports, const Host& host);

struct EalPort {
  std::uint16_t number = 0;  // DPDK's.
  std::string name;
};

class Eal {
 public:
  // Starts EAL and attaches all ports. Once in a process: DPDK cannot be started again, not even
  // after it failed. Errors are sentences with DPDK's own last error lines.
  static base::Parsed<std::unique_ptr<Eal>> start(const EalOptions& options);
  // All that was made with it must be gone, and all workers' places left.
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // In the order of the options.
  const std::vector<EalPort>& ports() const { return ports_; }
  const std::vector<std::string>& notes() const { return notes_; }

  // One more port. A PCI address must have been among the options' ports.
  base::Parsed<EalPort> attach(std::string_view port);

  // "WHAT: REASON: DPDK's error lines", of a call that gave `code` (an errno, either sign; 0:
  // none), for who uses DPDK beside this class. forget_errors() goes before such a call.
  std::string failure_text(std::string_view what, int code) const;
  void forget_errors() { log_.forget(); }

 private:
  explicit Eal(EalLog::Listener listener) : log_(std::move(listener)) {}
  base::Parsed<EalPort> attach(const PortName& port);

  EalLog log_;
  bool running_ = false;
  std::vector<EalPort> ports_;
  std::vector<std::string> notes_;
};

// The calling thread is known to DPDK while this lives: it has a number there, and with it its own
// cache of buffers. Made and destroyed on the same thread, while there is an Eal.
class WorkerPlace {
 public:
  // Error: there are too many threads (128 in Debian's DPDK).
  static base::Parsed<WorkerPlace> enter();
  WorkerPlace(WorkerPlace&& other) noexcept;
  WorkerPlace& operator=(WorkerPlace&& other) = delete;
  WorkerPlace(const WorkerPlace&) = delete;
  WorkerPlace& operator=(const WorkerPlace&) = delete;
  ~WorkerPlace();

  unsigned number() const { return number_; }

 private:
  explicit WorkerPlace(unsigned number) : number_(number) {}
  unsigned number_;
  bool mine_ = true;
};

}  // namespace backends::dpdk::eal

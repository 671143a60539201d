// Packet capture for an operator who has to see what happened: whole flows, one in so many, into a
// file that tcpdump and Wireshark read (libpcap's classic format, with nanoseconds). The kernel
// sees none of these packets, so tcpdump on the interface cannot. One writer a worker, each with a
// file of its own; one thread. It writes with write(2), so a slow disk is felt by the worker. Files
// are readable by their owner only: they hold clients' bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "base/time.h"

namespace backends::dpdk {

struct CaptureOptions {
  std::string path;
  std::uint32_t one_flow_in = 1;  // 1: everything, with what belongs to no flow (ARP).
  std::uint32_t snap_bytes = 256;
  std::uint64_t file_bytes_max = std::uint64_t{64} << 20U;
};

enum class CaptureState : std::uint8_t {
  kRunning,
  kFull,   // The next packet would have gone past file_bytes_max.
  kFailed  // The file could not be written: error().
};

// The same number for both directions of a flow. Nothing for what is neither IPv4 nor IPv6;
// fragments and all that is not TCP are told apart by their addresses alone.
std::optional<std::uint32_t> capture_hash(std::span<const std::byte> frame);

class Capture {
 public:
  // Makes the file anew, and writes its header. snap_bytes and one_flow_in are at least 1 (CHECK).
  // Errors: those of open(2) (ELOOP when the path is a symbolic link) and write(2), and EINVAL when
  // file_bytes_max has no room for the header.
  static base::Result<std::unique_ptr<Capture>> open(const CaptureOptions& options);
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  // Keeps the frame when its flow is one of the chosen. The two connections of a pair are two flows
  // and are chosen each for itself. wall_time: since the epoch; one reading a burst
  // is exact enough. After it has stopped it does nothing.
  void offer(std::span<const std::byte> frame, base::Nanos wall_time);
  // Brings what is kept to the file. The writer does so itself only when its buffer is full, when
  // it stops, and at its end.
  void flush();

  CaptureState state() const { return state_; }
  base::Errno error() const { return error_; }  // kNone unless kFailed.
  std::uint64_t packets() const { return packets_; }
  std::uint64_t file_bytes() const { return file_bytes_; }  // With what is not flushed yet.
  // Where it writes, how much, and why it stopped if it has: for the log.
  std::string sentence() const;

 private:
  Capture(const CaptureOptions& options, base::UniqueFd file);
  void append(std::span<const std::byte> bytes);
  void stop(CaptureState state);

  CaptureOptions options_;
  base::UniqueFd file_;
  std::vector<std::byte> buffer_;  // Its size never changes.
  std::size_t buffered_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t file_bytes_ = 0;
  CaptureState state_ = CaptureState::kRunning;
  base::Errno error_ = base::Errno::kNone;
};

}  // namespace backends::dpdk

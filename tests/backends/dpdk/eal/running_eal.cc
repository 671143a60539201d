#include "tests/backends/dpdk/eal/running_eal.h"

#include <gtest/gtest.h>

#include <array>

namespace backends::dpdk::eal {
namespace {

std::string& output() {
  static std::string text;
  return text;
}

std::unique_ptr<Eal> start() {
  EalOptions options;
  options.huge_pages = false;
  options.memory_mib = 128;
  options.log = [](LogLevel, std::string_view line) { output().append(line).append("\n"); };
  auto eal = Eal::start(options);
  if (!eal) throw std::runtime_error(eal.error());
  return std::move(*eal);
}

}  // namespace

Eal& running_eal() {
  output();  // Must end after the Eal, which still talks then.
  static std::unique_ptr<Eal> eal = start();
  return *eal;
}

const std::string& eal_output() { return output(); }

std::string fresh_name(const std::string& prefix) {
  static int count = 0;
  return prefix + std::to_string(count++);
}

std::unique_ptr<Buffers> test_buffers(std::uint32_t count) {
  auto buffers = Buffers::make(running_eal(), fresh_name("buffers"), count, kTestMtu);
  if (!buffers) throw std::runtime_error(buffers.error());
  return std::move(*buffers);
}

TestPort::TestPort(const std::string& driver, std::uint32_t buffers_count)
    : buffers(test_buffers(buffers_count)) {
  auto attached = running_eal().attach(fresh_name(driver));
  if (!attached) throw std::runtime_error(attached.error());
  eal_port = *std::move(attached);
  const std::array<const Buffers*, 1> all = {buffers.get()};
  auto opened = EthdevPort::open(running_eal(), eal_port, {}, all);
  if (!opened) throw std::runtime_error(opened.error());
  port = std::move(*opened);
}

}  // namespace backends::dpdk::eal

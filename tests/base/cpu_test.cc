// Which processors are ours, and whether a pinned thread stays where it was put.
#include "base/cpu.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace {

TEST(Cpu, ListsTheProcessorsOfThisProcessInOrderAndOnce) {
  const std::vector<int> cpus = base::usable_cpus();
  ASSERT_FALSE(cpus.empty());
  EXPECT_TRUE(std::is_sorted(cpus.begin(), cpus.end()));
  EXPECT_EQ(std::set<int>(cpus.begin(), cpus.end()).size(), cpus.size());
  EXPECT_NE(std::find(cpus.begin(), cpus.end(), sched_getcpu()), cpus.end());
}

// On a thread of its own: a test must not leave the process pinned.
TEST(Cpu, PinsAThreadToEachOfThem) {
  const std::vector<int> cpus = base::usable_cpus();
  std::jthread([&cpus] {
    for (const int cpu : cpus) {
      ASSERT_TRUE(base::pin_this_thread(cpu).has_value()) << "cpu " << cpu;
      EXPECT_EQ(base::usable_cpus(), std::vector<int>{cpu});
      EXPECT_EQ(sched_getcpu(), cpu);
    }
  }).join();
  EXPECT_EQ(base::usable_cpus(), cpus);
}

TEST(Cpu, SaysThatAProcessorIsNotThere) {
  const auto pinned = base::pin_this_thread(CPU_SETSIZE - 1);
  ASSERT_FALSE(pinned.has_value());
  EXPECT_EQ(pinned.error(), base::to_errno(EINVAL));
}

TEST(Cpu, RefusesAProcessorOutsideTheSet) {
  for (const int cpu : {-1, CPU_SETSIZE, 1 << 20}) {
    const auto pinned = base::pin_this_thread(cpu);
    ASSERT_FALSE(pinned.has_value()) << cpu;
    EXPECT_EQ(pinned.error(), base::to_errno(EINVAL));
  }
}

std::string name_of_this_thread() {
  char name[16] = {};
  EXPECT_EQ(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
  return name;
}

TEST(Cpu, NamesAThread) {
  std::jthread([] {
    base::name_this_thread("worker-12");
    EXPECT_EQ(name_of_this_thread(), "worker-12");
  }).join();
}

TEST(Cpu, CutsANameThatTheKernelWouldRefuse) {
  std::jthread([] {
    base::name_this_thread("a-name-of-more-than-fifteen-bytes");
    EXPECT_EQ(name_of_this_thread(), "a-name-of-more-");
  }).join();
}

}  // namespace

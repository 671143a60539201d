#include "proxy/worker_thread.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include "base/fd.h"

namespace proxy {
namespace {

class WorkerThreadTest : public testing::Test {
 protected:
  WorkerThreadOptions options() const {
    WorkerThreadOptions options;
    options.transport = {.connections_max = 16, .clients_max = 8, .pipes_max = 1, .pipe_bytes = 0};
    options.worker.sessions_max = 8;
    options.finished_fd = finished_.get();
    return options;
  }

  base::UniqueFd finished_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  MetricsCatalog catalog_{1};
  std::unique_ptr<backends::TransportFactory> factory_ =
      backends::make_transport_factory("auto").value();
};

TEST_F(WorkerThreadTest, AnswersCommandsAndRaisesTheDescriptorWhenItHasDrained) {
  WorkerThread worker(options(), *factory_, catalog_.worker(0));
  ASSERT_TRUE(worker.started());
  EXPECT_FALSE(worker.finished());
  worker.post(Command::Kind::kDrain, nullptr, base::kForever).wait();
  pollfd wait{.fd = finished_.get(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&wait, 1, 10000), 1);
  EXPECT_TRUE(worker.finished());
}

TEST_F(WorkerThreadTest, SaysThatItCouldNotBePinnedAndRuns) {
  WorkerThreadOptions pinned = options();
  pinned.cpu = 1023;
  WorkerThread worker(pinned, *factory_, catalog_.worker(0));
  ASSERT_TRUE(worker.started());
  EXPECT_NE(worker.pin_error(), base::Errno::kNone);
  worker.post(Command::Kind::kDrain, nullptr, base::Nanos{0}).wait();
}

}  // namespace
}  // namespace proxy

#include "backends/socket/claims.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backends/socket/listener_socket.h"
#include "backends/socket/socket_options.h"
#include "base/assert.h"

namespace backends::socket {
namespace {

ListenSpec spec_of(const std::string& text) {
  return {.address = base::parse_address(text).value(), .tcp = {}};
}

ListenSpec spec_of(const base::Address& address) { return {.address = address, .tcp = {}}; }

// A blocking connect: 0 or its errno.
int connect_to(const base::Address& address) {
  const base::UniqueFd fd(::socket(domain_of(address.family()), SOCK_STREAM | SOCK_CLOEXEC, 0));
  CHECK(fd);
  const base::RawAddress raw = base::to_raw(address);
  return ::connect(fd.get(), raw.get(), raw.size) == 0 ? 0 : errno;
}

class Directory {
 public:
  Directory() { CHECK(::mkdtemp(path_.data()) != nullptr); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    static_cast<void>(::unlink((path_ + "/s").c_str()));
    static_cast<void>(::rmdir(path_.c_str()));
  }
  std::string file() const { return path_ + "/s"; }

 private:
  std::string path_ = "/tmp/millrace-claims-XXXXXX";
};

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

class ClaimsOfTcp : public testing::TestWithParam<const char*> {};

TEST_P(ClaimsOfTcp, APortZeroBecomesANumber) {
  Claims claims;
  const auto address = claims.claim(spec_of(GetParam()));
  ASSERT_TRUE(address);
  EXPECT_NE(address->ip.port, 0);
}

TEST_P(ClaimsOfTcp, AClaimGetsNoConnections) {
  Claims claims;
  const auto address = claims.claim(spec_of(GetParam()));
  ASSERT_TRUE(address);
  EXPECT_EQ(connect_to(*address), ECONNREFUSED);
}

TEST_P(ClaimsOfTcp, ASecondClaimIsRefusedBeforeAndAfterListening) {
  Claims claims;
  Claims another_process;
  const auto address = claims.claim(spec_of(GetParam()));
  ASSERT_TRUE(address);
  const auto early = another_process.claim(spec_of(*address));
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error(), base::to_errno(EADDRINUSE));
  const auto listener = open_listener(spec_of(*address));
  ASSERT_TRUE(listener);
  const auto late = another_process.claim(spec_of(*address));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), base::to_errno(EADDRINUSE));
}

TEST_P(ClaimsOfTcp, SeveralWorkersListenOnAClaimedAddressAndGetTheClients) {
  Claims claims;
  const auto address = claims.claim(spec_of(GetParam()));
  ASSERT_TRUE(address);
  const auto first = open_listener(spec_of(*address));
  const auto second = open_listener(spec_of(*address));
  ASSERT_TRUE(first);
  ASSERT_TRUE(second);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(connect_to(*address), 0);
  int clients = 0;
  for (const auto* listener : {&first, &second}) {
    for (;;) {
      const base::UniqueFd client(::accept4((*listener)->get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) break;
      ++clients;
    }
  }
  EXPECT_EQ(clients, 20) << "the claim itself must not take any";
}

TEST_P(ClaimsOfTcp, ADisclaimedAddressIsFree) {
  Claims claims;
  const auto address = claims.claim(spec_of(GetParam()));
  ASSERT_TRUE(address);
  claims.disclaim(*address);
  claims.disclaim(*address);
  EXPECT_TRUE(claims.claim(spec_of(*address)));
}

TEST_P(ClaimsOfTcp, SessionsOfAnEarlierProcessAreNoObstacle) {
  base::Address address;
  {
    Claims earlier;
    address = earlier.claim(spec_of(GetParam())).value();
    const auto listener = open_listener(spec_of(address));
    ASSERT_TRUE(listener);
    const base::UniqueFd client(::socket(domain_of(address.family()), SOCK_STREAM, 0));
    const base::RawAddress raw = base::to_raw(address);
    ASSERT_EQ(::connect(client.get(), raw.get(), raw.size), 0);
    base::UniqueFd accepted(::accept(listener->get(), nullptr, nullptr));
    ASSERT_TRUE(accepted);
    accepted.close();  // Closes first: its end waits in TIME_WAIT on our port.
  }
  Claims claims;
  const auto again = claims.claim(spec_of(address));
  EXPECT_TRUE(again) << base::errno_text(again.error());
  EXPECT_TRUE(open_listener(spec_of(address)));
}

TEST_P(ClaimsOfTcp, SomebodyElsesListenerIsNotTakenOver) {
  const base::UniqueFd foreign(
      ::socket(domain_of(spec_of(GetParam()).address.family()), SOCK_STREAM, 0));
  const int on = 1;
  ASSERT_EQ(::setsockopt(foreign.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
  ASSERT_EQ(::setsockopt(foreign.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
  const base::RawAddress raw = base::to_raw(spec_of(GetParam()).address);
  ASSERT_EQ(::bind(foreign.get(), raw.get(), raw.size), 0);
  ASSERT_EQ(::listen(foreign.get(), 1), 0);
  Claims claims;
  const auto refused = claims.claim(spec_of(local_of(foreign.get())));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), base::to_errno(EADDRINUSE));
}

INSTANTIATE_TEST_SUITE_P(Families, ClaimsOfTcp, testing::Values("127.0.0.1:0", "[::1]:0"),
                         [](const auto& parameter) {
                           return std::string(parameter.index == 0 ? "v4" : "v6");
                         });

TEST(Claims, ADualStackAddressAlsoKeepsTheV4Port) {
  Claims claims;
  Claims another_process;
  const auto address = claims.claim(spec_of("[::]:0"));
  ASSERT_TRUE(address);
  EXPECT_FALSE(another_process.claim(spec_of("0.0.0.0:" + std::to_string(address->ip.port))));
}

TEST(Claims, AUnixPathListensAtOnceAndIsSharedByDuplicates) {
  const Directory directory;
  Claims claims;
  const auto address = claims.claim(spec_of("unix:" + directory.file()));
  ASSERT_TRUE(address);
  EXPECT_EQ(connect_to(*address), 0);
  const auto first = claims.share(*address);
  const auto second = claims.share(*address);
  ASSERT_TRUE(first && first->size() == 1);
  ASSERT_TRUE(second && second->size() == 1);
  const base::UniqueFd client(::accept4(second->front().get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(client);
}

TEST(Claims, AnUnclaimedPathHasNoDuplicates) {
  const Claims claims;
  const auto none = claims.share(base::parse_address("unix:/tmp/nothing").value());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error(), base::to_errno(EADDRNOTAVAIL));
}

// Sockets as a service manager leaves them, with ReusePort= when there are several.
class ClaimsOfAdoptedSockets : public testing::Test {
 protected:
  void adopt(std::size_t sockets, std::size_t workers) {
    base::UniqueFd first = open_listener(spec_of("127.0.0.1:0")).value();
    address_ = local_of(first.get());
    inherited_.add(std::move(first), "web.socket");
    for (std::size_t i = 1; i < sockets; ++i) {
      inherited_.add(open_listener(spec_of(address_)).value(), "web.socket");
    }
    claims_.adopt(inherited_, workers);
    ASSERT_EQ(claims_.claim(spec_of(address_)).value(), address_);
  }

  // The sockets that each of the workers has, as inodes, in the order of their coming.
  std::vector<std::vector<ino_t>> shares(std::size_t workers) {
    std::vector<std::vector<ino_t>> all(workers);
    for (auto& mine : all) {
      const auto share = claims_.share(address_).value();
      for (const base::UniqueFd& fd : share) {
        struct stat status {};
        CHECK(::fstat(fd.get(), &status) == 0);
        mine.push_back(status.st_ino);
      }
    }
    return all;
  }

  base::InheritedSockets inherited_;
  base::Address address_;
  Claims claims_;
};

TEST_F(ClaimsOfAdoptedSockets, OneIsSharedByAllWorkers) {
  adopt(1, 3);
  const auto all = shares(3);
  for (const auto& mine : all) {
    ASSERT_EQ(mine.size(), 1U);
    EXPECT_EQ(mine, all.front());
  }
}

TEST_F(ClaimsOfAdoptedSockets, OneForEachWorkerGoesToOneWorkerEach) {
  adopt(3, 3);
  std::set<ino_t> seen;
  for (const auto& mine : shares(3)) {
    ASSERT_EQ(mine.size(), 1U);
    seen.insert(mine.front());
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST_F(ClaimsOfAdoptedSockets, MoreThanWorkersAreAllServed) {
  adopt(5, 2);
  std::set<ino_t> seen;
  std::size_t sockets = 0;
  for (const auto& mine : shares(2)) {
    sockets += mine.size();
    seen.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(sockets, 5U);
  EXPECT_EQ(seen.size(), 5U);
}

TEST_F(ClaimsOfAdoptedSockets, FewerThanWorkersAreAllServedWhoeverComesFirst) {
  adopt(2, 3);
  static_cast<void>(shares(1));  // A worker that gave up again, as in a refused reload.
  std::set<ino_t> seen;
  for (const auto& mine : shares(3)) {
    ASSERT_EQ(mine.size(), 1U);
    seen.insert(mine.front());
  }
  EXPECT_EQ(seen.size(), 2U);
}

TEST_F(ClaimsOfAdoptedSockets, AreClosedWhenTheAddressIsLeft) {
  adopt(1, 1);
  EXPECT_EQ(connect_to(address_), 0);
  claims_.disclaim(address_);
  EXPECT_EQ(connect_to(address_), ECONNREFUSED);
}

TEST(Claims, AnAdoptedPathStaysWhenTheClaimGoes) {
  const Directory directory;
  const base::Address address = base::parse_address("unix:" + directory.file()).value();
  base::UniqueFd opened(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const base::RawAddress raw = base::to_raw(address);
  ASSERT_EQ(::bind(opened.get(), raw.get(), raw.size), 0);
  ASSERT_EQ(::listen(opened.get(), 1), 0);
  base::InheritedSockets inherited;
  inherited.add(std::move(opened), "path");
  {
    Claims claims;
    claims.adopt(inherited, 1);
    ASSERT_TRUE(claims.claim(spec_of(address)));
    EXPECT_EQ(connect_to(address), 0);
  }
  EXPECT_TRUE(exists(directory.file())) << "it is the service manager's";
}

TEST(Claims, APathLeftBehindByADeadProcessIsTakenOver) {
  const Directory directory;
  const base::Address address = base::parse_address("unix:" + directory.file()).value();
  {
    const base::UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const base::RawAddress raw = base::to_raw(address);
    ASSERT_EQ(::bind(dead.get(), raw.get(), raw.size), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
  }
  ASSERT_TRUE(exists(directory.file()));
  Claims claims;
  EXPECT_TRUE(claims.claim(spec_of(address)));
  EXPECT_EQ(connect_to(address), 0);
}

TEST(Claims, ALivingPathIsInUse) {
  const Directory directory;
  Claims living;
  ASSERT_TRUE(living.claim(spec_of("unix:" + directory.file())));
  Claims claims;
  const auto refused = claims.claim(spec_of("unix:" + directory.file()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), base::to_errno(EADDRINUSE));
  EXPECT_TRUE(exists(directory.file()));
}

TEST(Claims, AFileThatIsNoSocketIsNeverTouched) {
  const Directory directory;
  std::ofstream(directory.file()) << "precious";
  Claims claims;
  const auto refused = claims.claim(spec_of("unix:" + directory.file()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), base::to_errno(ENOTSOCK));
  std::string content;
  std::ifstream(directory.file()) >> content;
  EXPECT_EQ(content, "precious");
}

TEST(Claims, TheLastDisclaimTakesThePathAway) {
  const Directory directory;
  Claims claims;
  const auto address = claims.claim(spec_of("unix:" + directory.file()));
  ASSERT_TRUE(address);
  claims.disclaim(*address);
  EXPECT_FALSE(exists(directory.file()));
}

TEST(Claims, APathThatAnotherProcessHasTakenSinceStays) {
  const Directory directory;
  Claims claims;
  const auto address = claims.claim(spec_of("unix:" + directory.file()));
  ASSERT_TRUE(address);
  ASSERT_EQ(::unlink(directory.file().c_str()), 0);
  Claims successor;
  ASSERT_TRUE(successor.claim(spec_of(*address)));
  claims.disclaim(*address);
  EXPECT_TRUE(exists(directory.file()));
  EXPECT_EQ(connect_to(*address), 0);
}

TEST(Claims, AnAbstractNameWorksWithoutAFile) {
  Claims claims;
  Claims another_process;
  const std::string name = "unix:@millrace-claims-test-" + std::to_string(::getpid());
  const auto address = claims.claim(spec_of(name));
  ASSERT_TRUE(address);
  EXPECT_EQ(connect_to(*address), 0);
  EXPECT_FALSE(another_process.claim(spec_of(name)));
}

}  // namespace
}  // namespace backends::socket

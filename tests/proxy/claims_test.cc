#include "proxy/claims.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>

#include "base/fd.h"
#include "tests/proxy/worker_fixture.h"

namespace proxy {
namespace {

class ClaimsTest : public testing::Test {
 protected:
  static config::Config listening_on(const std::vector<std::string>& addresses) {
    config::Config config = WorkerFixture::one_listener({"10.0.0.2:80"});
    config.listeners[0].bind.clear();
    std::uint32_t line = 10;
    for (const std::string& at : addresses) {
      config.listeners[0].bind.push_back(
          {.address = address(at), .v6_only = false, .mark = {.line = line++, .column = 5}});
    }
    return config;
  }

  // Somebody else's listener.
  static base::UniqueFd occupy(base::Address& at) {
    base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const base::RawAddress raw = base::to_raw(at);
    EXPECT_EQ(bind(fd.get(), raw.get(), raw.size), 0);
    EXPECT_EQ(listen(fd.get(), 1), 0);
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &size), 0);
    at = base::from_raw(storage, size);
    return fd;
  }

  std::unique_ptr<backends::TransportFactory> factory_ =
      backends::make_transport_factory("auto").value();
  Claims claims_{*factory_};
};

TEST_F(ClaimsTest, APortZeroBecomesANumberAndStaysTheSameOverAReload) {
  const config::Config config = listening_on({"127.0.0.1:0"});
  ASSERT_TRUE(claims_.add(config).empty());
  const auto first = claims_.addresses(config);
  EXPECT_NE(first[0][0].ip.port, 0);
  ASSERT_TRUE(claims_.add(config).empty());
  EXPECT_EQ(claims_.addresses(config), first);
}

TEST_F(ClaimsTest, NamesThePlaceOfEveryAddressThatCannotBeHadAndHoldsNothingNew) {
  base::Address taken = address("127.0.0.1:0");
  const base::UniqueFd holder = occupy(taken);
  const config::Config config =
      listening_on({"127.0.0.1:0", base::to_string(taken), "192.0.2.77:4000"});
  const auto problems = claims_.add(config);
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].mark.line, 11U);
  EXPECT_NE(problems[0].text.find("another process is listening there"), std::string::npos);
  EXPECT_EQ(problems[1].mark.line, 12U);
  EXPECT_NE(problems[1].text.find("no interface of this machine"), std::string::npos);
}

TEST_F(ClaimsTest, TwoOwnersCannotHoldOneAddressUntilTheFirstLetsGo) {
  ASSERT_TRUE(claims_.add(listening_on({"127.0.0.1:0"})).empty());
  const auto at = claims_.addresses(listening_on({"127.0.0.1:0"}))[0][0];
  const config::Config same = listening_on({base::to_string(at)});
  const auto other_factory = backends::make_transport_factory("auto").value();
  Claims other(*other_factory);
  EXPECT_EQ(other.add(same).size(), 1U);
  claims_.keep_only({});
  EXPECT_TRUE(other.add(same).empty());
}

TEST(BindProblem, SaysWhatWouldHelp) {
  const base::Address at = address("0.0.0.0:80");
  EXPECT_NE(bind_problem(at, base::to_errno(EACCES)).find("CAP_NET_BIND_SERVICE"),
            std::string::npos);
  EXPECT_NE(bind_problem(at, base::to_errno(ENOBUFS)).find("ENOBUFS"), std::string::npos);
}

}  // namespace
}  // namespace proxy

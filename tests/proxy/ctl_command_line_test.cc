#include "proxy/ctl_command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace proxy {
namespace {

// What the words after `millrace` mean; nothing when they are wrong.
std::optional<CtlOptions> parsed(const std::string& line) {
  CLI::App app;
  CtlOptions options;
  add_ctl(app, options);
  try {
    app.parse(line, false);
  } catch (const CLI::ParseError&) {
    return std::nullopt;
  }
  return options;
}

TEST(CtlCommandLine, KnowsEveryCommand) {
  for (const auto& [line, action] :
       {std::pair{"ctl status", CtlAction::kStatus},
        {"ctl config show", CtlAction::kShowConfig},
        {"ctl config diff x.yaml", CtlAction::kDiffConfig},
        {"ctl listeners", CtlAction::kListeners},
        {"ctl upstreams", CtlAction::kUpstreams},
        {"ctl endpoints", CtlAction::kEndpoints},
        {"ctl endpoint app 10.0.0.1:80 drain", CtlAction::kOrderEndpoint},
        {"ctl sessions", CtlAction::kSessions},
        {"ctl session show 0.1.2", CtlAction::kShowSession},
        {"ctl session end 0.1.2", CtlAction::kEndSession},
        {"ctl sessions end --upstream app --endpoint 10.0.0.1:80", CtlAction::kEndSessions},
        {"ctl pools", CtlAction::kPools},
        {"ctl workers", CtlAction::kWorkers},
        {"ctl reload", CtlAction::kReload},
        {"ctl drain", CtlAction::kDrain},
        {"ctl log-level", CtlAction::kShowLogLevel},
        {"ctl log-level debug", CtlAction::kSetLogLevel}}) {
    const auto options = parsed(line);
    ASSERT_TRUE(options) << line;
    EXPECT_EQ(options->action, action) << line;
  }
}

TEST(CtlCommandLine, TakesItsOptionsBeforeAndAfterTheCommand) {
  EXPECT_EQ(parsed("ctl status")->target.socket, "/run/millrace/admin.sock");
  for (const char* line : {"ctl --socket /x --json status", "ctl status --json --socket /x"}) {
    const auto options = parsed(line);
    ASSERT_TRUE(options) << line;
    EXPECT_EQ(options->target.socket, "/x");
    EXPECT_TRUE(options->json);
  }
  EXPECT_EQ(parsed("ctl status --url http://127.0.0.1:1 --token-file /t")->target.token_file, "/t");
  EXPECT_FALSE(parsed("ctl status --url http://127.0.0.1:1 --socket /x"));
}

TEST(CtlCommandLine, TakesWhatCommandsNeed) {
  EXPECT_EQ(parsed("ctl endpoints app")->upstream, "app");
  EXPECT_EQ(parsed("ctl endpoint app [::1]:80 weight 30")->weight, "30");
  EXPECT_EQ(parsed("ctl endpoint app [::1]:80 weight default")->weight, "default");
  EXPECT_EQ(parsed("ctl sessions")->limit, 100U);
  EXPECT_EQ(parsed("ctl sessions --limit 5 --client 10.0.0.1")->limit, 5U);
  EXPECT_EQ(parsed("ctl sessions --all")->limit, 0U);
  EXPECT_EQ(parsed("ctl drain --for 30s")->drain_for, "30s");
  EXPECT_TRUE(parsed("ctl reload --keep-overrides")->keep_overrides);
  EXPECT_EQ(parsed("ctl sessions end --upstream u --endpoint e")->endpoint, "e");
}

TEST(CtlCommandLine, RefusesWhatMakesNoSense) {
  for (const char* line : {"ctl",
                           "ctl nothing",
                           "ctl config",
                           "ctl config diff",
                           "ctl session",
                           "ctl session show",
                           "ctl endpoint app",
                           "ctl endpoint app x down",
                           "ctl endpoint app x weight",
                           "ctl endpoint app x weight 1001",
                           "ctl endpoint app x weight -1",
                           "ctl endpoint app x weight heavy",
                           "ctl endpoint app x drain 5",
                           "ctl sessions --limit 0",
                           "ctl sessions --limit 5 --all",
                           "ctl sessions end",
                           "ctl sessions end --upstream u",
                           "ctl sessions end --upstream u --endpoint e --client c",
                           "ctl sessions end --upstream u --endpoint e --limit 1",
                           "ctl sessions end --all --upstream u --endpoint e",
                           "ctl log-level loud"}) {
    EXPECT_FALSE(parsed(line)) << line;
  }
}

// As a shell gives them for variables without a value. CLI11 drops them from a line, so it gets
// words.
TEST(CtlCommandLine, RefusesEmptyWords) {
  using Words = std::vector<const char*>;
  for (const Words& words :
       {Words{"status", "--socket", ""}, Words{"status", "--url", ""},
        Words{"status", "--token-file", ""}, Words{"config", "diff", ""}, Words{"endpoints", ""},
        Words{"endpoint", "", "x", "drain"}, Words{"endpoint", "app", "", "drain"},
        Words{"endpoint", "app", "x", "weight", ""}, Words{"sessions", "--upstream", ""},
        Words{"sessions", "--endpoint", ""}, Words{"sessions", "--listener", ""},
        Words{"sessions", "--client", ""}, Words{"session", "show", ""},
        Words{"session", "end", ""}, Words{"drain", "--for", ""}, Words{"log-level", ""}}) {
    CLI::App app;
    CtlOptions options;
    add_ctl(app, options);
    std::vector<const char*> argv = {"millrace", "ctl"};
    argv.insert(argv.end(), words.begin(), words.end());
    EXPECT_THROW(app.parse(static_cast<int>(argv.size()), argv.data()), CLI::ValidationError)
        << words[0] << ' ' << words[1];
  }
}

}  // namespace
}  // namespace proxy

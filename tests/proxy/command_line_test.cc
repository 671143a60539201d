#include "proxy/command_line.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "proxy/exit_code.h"

namespace {

using namespace std::chrono_literals;

auto parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "millrace");
  return proxy::parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

// The command's options. Fails the test when the line gave something else.
template <typename Options>
Options parsed(const std::vector<const char*>& arguments) {
  const auto command = parse(arguments);
  if (!command) {
    ADD_FAILURE() << command.error().text;
    return {};
  }
  const auto* options = std::get_if<Options>(&*command);
  EXPECT_NE(options, nullptr);
  return options != nullptr ? *options : Options{};
}

TEST(CommandLine, KnowsTheCommandsAndTheirOptions) {
  EXPECT_EQ(parsed<proxy::RunOptions>({"run", "-c", "m.yaml"}).config_path, "m.yaml");
  EXPECT_EQ(parsed<proxy::CheckOptions>({"check", "--config", "m.yaml"}).config_path, "m.yaml");
  EXPECT_FALSE(parsed<proxy::CheckOptions>({"check", "-c", "m.yaml"}).effective);
  EXPECT_TRUE(parsed<proxy::CheckOptions>({"check", "-c", "m.yaml", "--effective"}).effective);
  parsed<proxy::SchemaOptions>({"schema"});
  EXPECT_TRUE(parsed<proxy::DoctorOptions>({"doctor", "--json"}).json);
  EXPECT_TRUE(parsed<proxy::VersionOptions>({"version", "--json"}).json);
  EXPECT_EQ(parsed<proxy::HealthOptions>({"health", "--address", "[::1]:9"}).address, "[::1]:9");
  EXPECT_EQ(parsed<proxy::HealthOptions>({"health", "-c", "m.yaml"}).config_path, "m.yaml");
}

TEST(CommandLine, KnowsWhomTopAsks) {
  const auto plain = parsed<proxy::TopOptions>({"top"});
  EXPECT_EQ(plain.target.url, "");
  EXPECT_EQ(plain.interval_seconds, 1);
  const auto url = parsed<proxy::TopOptions>(
      {"top", "--url", "http://[::1]:9", "--token-file", "t", "--interval", "0.5"});
  EXPECT_EQ(url.target.url, "http://[::1]:9");
  EXPECT_EQ(url.target.token_file, "t");
  EXPECT_EQ(url.interval_seconds, 0.5);
  EXPECT_EQ(parsed<proxy::TopOptions>({"top", "--socket", "/s"}).target.socket, "/s");
  const std::vector<std::vector<const char*>> mistakes = {
      {"top", "--url", "x", "--socket", "y"}, {"top", "--token-file", "t"},
      {"top", "--interval", "0.1"},           {"top", "--interval", "61"},
      {"top", "--interval", "often"},         {"top", "surplus"}};
  for (const auto& mistake : mistakes) EXPECT_FALSE(parse(mistake)) << mistake[1];
}

TEST(CommandLine, HasDefaultsForTheDemo) {
  const auto plain = parsed<proxy::DemoOptions>({"demo"});
  EXPECT_EQ(plain.duration, 5s);
  EXPECT_EQ(plain.transport, "auto");
  EXPECT_FALSE(plain.hold);
  const auto chosen =
      parsed<proxy::DemoOptions>({"demo", "--seconds", "9", "--transport", "epoll", "--hold"});
  EXPECT_EQ(chosen.duration, 9s);
  EXPECT_EQ(chosen.transport, "epoll");
  EXPECT_TRUE(chosen.hold);
  for (const char* engine : {"auto", "epoll", "io_uring"}) {
    EXPECT_EQ(parsed<proxy::DemoOptions>({"demo", "--transport", engine}).transport, engine);
  }
}

TEST(CommandLine, ExplainsEveryCommandWithAnExample) {
  for (const char* command :
       {"run", "check", "demo", "schema", "doctor", "health", "top", "version"}) {
    const auto help = parse({command, "--help"});
    ASSERT_FALSE(help) << command;
    EXPECT_EQ(help.error().exit_code, proxy::kExitDone);
    const std::string example = std::string("Example: millrace ") + command;
    EXPECT_NE(help.error().text.find(example), std::string::npos) << help.error().text;
  }
  const auto help = parse({"--help"});
  ASSERT_FALSE(help);
  EXPECT_EQ(help.error().exit_code, proxy::kExitDone);
  EXPECT_NE(help.error().text.find("millrace demo"), std::string::npos);
}

TEST(CommandLine, CallsAMistakeAUsageError) {
  const std::vector<std::vector<const char*>> mistakes = {
      {},
      {"rum"},
      {"run"},
      {"run", "-c"},
      {"run", "-c", "m.yaml", "surplus"},
      {"check", "--effective"},
      {"demo", "--seconds", "0"},
      {"demo", "--seconds", "many"},
      {"demo", "--transport", "pigeons"},
      {"health", "-c", "m.yaml", "--address", "127.0.0.1:1"},
      {"version", "--xml"}};
  for (const auto& mistake : mistakes) {
    const auto result = parse(mistake);
    ASSERT_FALSE(result) << (mistake.empty() ? "nothing" : mistake.back());
    EXPECT_EQ(result.error().exit_code, proxy::kExitUsage);
    EXPECT_FALSE(result.error().text.empty());
  }
}

}  // namespace

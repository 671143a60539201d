#include "proxy/command_line.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <sstream>

#include "proxy/ctl_command_line.h"
#include "proxy/exit_code.h"
#include "proxy/version.h"

namespace proxy {
namespace {

constexpr int kDemoSecondsMax = 3600;

// The options' values while CLI11 fills them in. Each adder below declares one subcommand.
struct Values {
  RunOptions run;
  CheckOptions check;
  DemoOptions demo;
  DoctorOptions doctor;
  HealthOptions health;
  CtlOptions ctl;
  TopOptions top;
  VersionOptions version;
};

CLI::App* add_run(CLI::App& app, Values& values) {
  CLI::App* command = app.add_subcommand("run", "The proxy, in the foreground; logs to stderr");
  command->add_option("-c,--config", values.run.config_path, "Configuration file")
      ->required()
      ->type_name("FILE");
  command->footer(
      "SIGTERM or SIGINT drains and stops, a second one stops at once; SIGHUP reloads.\n"
      "Example: millrace run -c /etc/millrace/millrace.yaml");
  return command;
}

CLI::App* add_check(CLI::App& app, Values& values) {
  CLI::App* command = app.add_subcommand("check", "Validate a configuration");
  command->add_option("-c,--config", values.check.config_path, "Configuration file")
      ->required()
      ->type_name("FILE");
  command->add_flag("--effective", values.check.effective,
                    "Print the configuration with all defaults");
  command->footer("Example: millrace check -c millrace.yaml");
  return command;
}

CLI::App* add_demo(CLI::App& app, Values& values) {
  CLI::App* command = app.add_subcommand(
      "demo", "A proxy with upstreams and load of its own, and what it measured");
  command
      ->add_option_function<int>(
          "--seconds",
          [&values](int seconds) { values.demo.duration = std::chrono::seconds(seconds); },
          "How long to measure (default 5)")
      ->type_name("N")
      ->check(CLI::Range(1, kDemoSecondsMax));
  command->add_option("--transport", values.demo.transport, "Engine to use")
      ->type_name("T")
      ->check(CLI::IsMember({"auto", "epoll", "io_uring"}))
      ->capture_default_str();
  command->add_flag("--hold", values.demo.hold, "Keep the proxy up afterwards, until Ctrl-C");
  command->footer("Example: millrace demo --seconds 10");
  return command;
}

CLI::App* add_doctor(CLI::App& app, Values& values) {
  CLI::App* command =
      app.add_subcommand("doctor", "Look at this machine, and say what to change and why");
  command->add_flag("--json", values.doctor.json, "For programs");
  command->footer("Example: millrace doctor");
  return command;
}

CLI::App* add_health(CLI::App& app, Values& values) {
  CLI::App* command =
      app.add_subcommand("health", "Exit 0 when the running instance is ready for clients");
  CLI::Option* config = command
                            ->add_option("-c,--config", values.health.config_path,
                                         "Ask at the metrics address of this configuration")
                            ->type_name("FILE");
  command->add_option("--address", values.health.address, "Ask here (default 127.0.0.1:9464)")
      ->type_name("IP:PORT")
      ->excludes(config);
  command->footer("Example: millrace health --address 127.0.0.1:9464");
  return command;
}

CLI::App* add_top(CLI::App& app, Values& values) {
  CLI::App* command =
      app.add_subcommand("top", "Live figures of the running instance, in this terminal");
  CLI::Option* url = command
                         ->add_option("--url", values.top.target.url,
                                      "Metrics port (default http://127.0.0.1:9464)")
                         ->type_name("URL");
  command
      ->add_option("--socket", values.top.target.socket, "Ask the admin API at its socket instead")
      ->type_name("PATH")
      ->excludes(url);
  command
      ->add_option("--token-file", values.top.target.token_file,
                   "Ask the admin API at --url, with the token in this file")
      ->type_name("FILE")
      ->needs(url);
  command
      ->add_option("--interval", values.top.interval_seconds,
                   "Seconds between two questions (default 1)")
      ->type_name("S")
      ->check(CLI::Range(kTopIntervalMin, kTopIntervalMax));
  command->footer(
      "Keys: q quits, ? explains the others.\n"
      "Example: millrace top --url http://127.0.0.1:9464");
  return command;
}

CLI::App* add_version(CLI::App& app, Values& values) {
  CLI::App* command = app.add_subcommand(
      "version", "Version, compiler, and the engines built in, with those this kernel allows");
  command->add_flag("--json", values.version.json, "For programs");
  command->footer("Example: millrace version --json");
  return command;
}

CLI::App* add_schema(CLI::App& app) {
  CLI::App* command = app.add_subcommand("schema", "JSON Schema of the configuration, for editors");
  command->footer("Example: millrace schema > millrace.schema.json");
  return command;
}

}  // namespace

tl::expected<Command, Explanation> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Millrace: a layer-4 TCP proxy", "millrace");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("millrace ") + std::string(version()));
  app.footer("millrace COMMAND --help says more. Start with: millrace demo");
  Values values;
  // In the order of the help.
  const CLI::App* run = add_run(app, values);
  const CLI::App* check = add_check(app, values);
  const CLI::App* ctl = add_ctl(app, values.ctl);
  const CLI::App* demo = add_demo(app, values);
  const CLI::App* schema = add_schema(app);
  const CLI::App* doctor = add_doctor(app, values);
  const CLI::App* health = add_health(app, values);
  const CLI::App* top = add_top(app, values);
  add_version(app, values);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    const bool asked = app.exit(error, text, text) == 0;
    return tl::make_unexpected(
        Explanation{.text = text.str(), .exit_code = asked ? kExitDone : kExitUsage});
  }
  if (run->parsed()) return values.run;
  if (check->parsed()) return values.check;
  if (ctl->parsed()) return values.ctl;
  if (demo->parsed()) return values.demo;
  if (schema->parsed()) return SchemaOptions{};
  if (doctor->parsed()) return values.doctor;
  if (health->parsed()) return values.health;
  if (top->parsed()) return values.top;
  return values.version;
}

}  // namespace proxy

#include "proxy/ctl_command_line.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>

#include "proxy/overrides.h"

namespace proxy {
namespace {

constexpr std::size_t kLimitDefault = 100;
constexpr std::size_t kLimitMax = 1'000'000;

// An empty word is a shell's variable without a value: to go on as if it was not there would do
// more than was asked for, or ask another instance.
CLI::Validator not_empty() {
  return {[](const std::string& text) { return std::string(text.empty() ? "is empty" : ""); }, ""};
}

CLI::App* add(CLI::App& to, CtlOptions& options, CtlAction action, const char* name,
              const char* help) {
  CLI::App* command = to.add_subcommand(name, help);
  // `ctl status --json` means what `ctl --json status` does.
  command->fallthrough();
  command->callback([&options, action] { options.action = action; });
  return command;
}

// A command that is only a word before others.
CLI::App* add_group(CLI::App& to, const char* name, const char* help) {
  CLI::App* group = to.add_subcommand(name, help);
  group->fallthrough();
  group->require_subcommand(1);
  return group;
}

void add_where(CLI::App& ctl, ApiTarget& target) {
  CLI::Option* socket = ctl.add_option("--socket", target.socket, "UNIX socket of the admin API")
                            ->type_name("PATH")
                            ->check(not_empty())
                            ->capture_default_str();
  ctl.add_option("--url", target.url, "The admin API over TCP, like http://127.0.0.1:9465")
      ->type_name("URL")
      ->check(not_empty())
      ->excludes(socket);
  ctl.add_option("--token-file", target.token_file, "File with the bearer token that TCP asks for")
      ->type_name("FILE")
      ->check(not_empty());
}

void add_lists(CLI::App& ctl, CtlOptions& options) {
  add(ctl, options, CtlAction::kStatus, "status", "What runs, and how it is");
  CLI::App* config = add_group(ctl, "config", "The configuration in force, or a candidate");
  add(*config, options, CtlAction::kShowConfig, "show",
      "The one in force, with all defaults and what the file does not know");
  CLI::App* diff =
      add(*config, options, CtlAction::kDiffConfig, "diff",
          "What a reload with this file would change, and how many sessions it touches");
  diff->add_option("FILE", options.file, "Candidate; - is the standard input")
      ->required()
      ->check(not_empty());
  add(ctl, options, CtlAction::kListeners, "listeners", "A row for each listener");
  add(ctl, options, CtlAction::kUpstreams, "upstreams", "A row for each upstream");
  CLI::App* endpoints =
      add(ctl, options, CtlAction::kEndpoints, "endpoints", "A row for each endpoint");
  endpoints->add_option("UPSTREAM", options.upstream, "Only of this upstream")->check(not_empty());
  add(ctl, options, CtlAction::kPools, "pools", "A row for each upstream's pool");
  add(ctl, options, CtlAction::kWorkers, "workers", "A row for each worker");
}

std::string check_weight(const std::string& text) {
  std::uint32_t weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool number = error == std::errc() && end == text.data() + text.size();
  if (text == "default" || (number && weight <= Overrides::kWeightMax)) return {};
  return "is a number from 0 to " + std::to_string(Overrides::kWeightMax) + ", or 'default'";
}

void add_endpoint_order(CLI::App& ctl, CtlOptions& options) {
  CLI::App* endpoint =
      add(ctl, options, CtlAction::kOrderEndpoint, "endpoint", "Order something of an endpoint");
  endpoint->add_option("UPSTREAM", options.upstream, "Name of its upstream")
      ->required()
      ->check(not_empty());
  endpoint->add_option("ADDRESS", options.endpoint, "As `ctl endpoints` prints it")
      ->required()
      ->check(not_empty());
  endpoint
      ->add_option("ORDER", options.order,
                   "ready; drain: no new sessions; maintenance: no checks either; weight")
      ->required()
      ->check(CLI::IsMember({"ready", "drain", "maintenance", "weight"}));
  endpoint->add_option("WEIGHT", options.weight, "0 to 1000, or 'default': what the file says")
      ->check(CLI::Validator(check_weight, "", "WEIGHT"));
  endpoint->callback([&options] {
    options.action = CtlAction::kOrderEndpoint;
    if (options.order == "weight" && options.weight.empty()) {
      throw CLI::ValidationError("weight", "which one? `weight N` or `weight default`");
    }
    if (options.order != "weight" && !options.weight.empty()) {
      throw CLI::ValidationError(options.order, "takes nothing after it");
    }
  });
}

void add_sessions(CLI::App& ctl, CtlOptions& options) {
  options.limit = kLimitDefault;
  CLI::App* sessions = ctl.add_subcommand("sessions", "Open sessions that match");
  sessions->fallthrough();
  sessions->add_option("--listener", options.listener, "Of this listener")
      ->type_name("NAME")
      ->check(not_empty());
  sessions->add_option("--upstream", options.upstream, "Of this upstream")
      ->type_name("NAME")
      ->check(not_empty());
  sessions->add_option("--endpoint", options.endpoint, "Of this endpoint")
      ->type_name("ADDRESS")
      ->check(not_empty());
  sessions->add_option("--client", options.client, "Of this client")
      ->type_name("IP[:PORT]")
      ->check(not_empty());
  CLI::Option* limit = sessions->add_option("--limit", options.limit, "The most to show")
                           ->type_name("N")
                           ->check(CLI::Range(std::size_t{1}, kLimitMax))
                           ->capture_default_str();
  const CLI::Option* all = sessions
                               ->add_flag_callback(
                                   "--all", [&options] { options.limit = 0; }, "Show all of them")
                               ->excludes(limit);
  sessions->require_subcommand(0, 1);
  CLI::App* end = sessions->add_subcommand("end", "End all sessions of an endpoint");
  end->fallthrough();
  sessions->callback([&options, end, limit, all] {
    const bool ends = end->parsed();
    options.action = ends ? CtlAction::kEndSessions : CtlAction::kSessions;
    if (!ends) return;
    if (options.upstream.empty() || options.endpoint.empty()) {
      throw CLI::RequiredError("--upstream NAME and --endpoint ADDRESS");
    }
    // To be asked for three of them and to end them all would be no answer.
    const bool limited = limit->count() > 0 || all->count() > 0;
    if (!options.listener.empty() || !options.client.empty() || limited) {
      throw CLI::ValidationError("sessions end", "takes --upstream and --endpoint only");
    }
  });
  CLI::App* session = add_group(ctl, "session", "One session");
  for (const auto& [action, name, help] :
       {std::tuple{CtlAction::kShowSession, "show", "All about it"},
        {CtlAction::kEndSession, "end", "Reset both of its sides"}}) {
    add(*session, options, action, name, help)
        ->add_option("ID", options.id, "As `ctl sessions` prints it")
        ->required()
        ->check(not_empty());
  }
}

void add_program_orders(CLI::App& ctl, CtlOptions& options) {
  add(ctl, options, CtlAction::kReload, "reload", "Load the file again, and wait for the answer")
      ->add_flag("--keep-overrides", options.keep_overrides,
                 "Keep what was ordered of endpoints and is not in the file");
  add(ctl, options, CtlAction::kDrain, "drain", "No new sessions, then stop")
      ->add_option("--for", options.drain_for,
                   "How long open ones may take, like 30s, or 'forever' (default: shutdown.drain)")
      ->type_name("DURATION")
      ->check(not_empty());
  CLI::App* level = ctl.add_subcommand("log-level", "Show the log's level, or set it");
  level->fallthrough();
  level->add_option("LEVEL", options.level, "Until the next reload or change")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  level->callback([&options] {
    options.action = options.level.empty() ? CtlAction::kShowLogLevel : CtlAction::kSetLogLevel;
  });
}

}  // namespace

CLI::App* add_ctl(CLI::App& app, CtlOptions& options) {
  CLI::App* ctl = app.add_subcommand("ctl", "Ask a running proxy, and change it");
  options.target.socket = "/run/millrace/admin.sock";
  add_where(*ctl, options.target);
  ctl->add_flag("--json", options.json, "For programs: what the admin API says");
  ctl->require_subcommand(1);
  add_lists(*ctl, options);
  add_sessions(*ctl, options);
  add_endpoint_order(*ctl, options);
  add_program_orders(*ctl, options);
  ctl->footer("millrace ctl COMMAND --help says more. Example: millrace ctl endpoints");
  return ctl;
}

}  // namespace proxy

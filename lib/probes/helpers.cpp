// Programs that CRIU runs. They are looked up on PATH as CRIU's execvp does.
#include <fmt/format.h>

#include <filesystem>

#include "base/process.h"
#include "base/text.h"
#include "probes/probe.h"

namespace cg::probes {
namespace {

constexpr auto limit =
    std::chrono::milliseconds(2500);  // below the runner's, so that the program's name is told

ProbeResult on_path(const std::string& name) {
  const auto path = find_program(name);
  return path ? pass(path->string()) : fail(name + " is not on PATH");
}

ProbeResult gnu_tar() {
  const auto path = find_program("tar");
  if (!path) return fail("tar is not on PATH");
  ProcessOptions options;
  options.timeout = limit;
  const auto result = run({path->string(), "--version"}, options);
  if (!result) return fail(result.error().message);
  if (result->timed_out) return unknown(path->string() + " --version gives no answer");
  const auto lines = split_lines(result->out);
  const std::string first(lines.empty() ? "" : lines.front());
  if (first.contains("GNU tar")) return pass(fmt::format("{}: {}", path->string(), first));
  return fail(fmt::format("{} is not GNU tar{}", path->string(), first.empty() ? "" : ": " + first));
}

ProbeResult gzip() {
  return on_path("gzip");
}
ProbeResult shell() {
  return on_path("sh");
}
// CRIU keeps the addresses of a network namespace as `ip addr save` writes them: busybox has an ip without
// it. Its first four bytes are a magic number (iproute2, ip/ipaddress.c).
ProbeResult ip() {
  const auto path = find_program("ip");
  if (!path) return fail("ip is not on PATH");
  ProcessOptions options;
  options.timeout = limit;
  const auto result = run({path->string(), "addr", "save"}, options);
  if (!result) return fail(result.error().message);
  if (result->timed_out) return unknown(path->string() + " addr save gives no answer");
  if (result->status == 0 && result->out.starts_with("\x22\x12\x36\x47"))
    return pass(path->string() + " has addr save");
  const auto lines = split_lines(result->err);
  return fail(fmt::format("{} cannot save addresses{}", path->string(),
                          lines.empty() ? "" : ": " + std::string(lines.front())));
}

// The rule that CRIU adds for each connection, tried in a network namespace of its own.
ProbeResult mark_match(const char* program) {
  const auto path = find_program(program);
  if (!path) return unknown(fmt::format("{} is not on PATH", program));
  if (const auto sandbox = find_probe("unshare-network")->run(); sandbox.status != Status::pass)
    return unknown(sandbox.detail);
  ProcessOptions options;
  options.timeout = limit;
  const auto result =
      run({path->string(), "-A", "INPUT", "-m", "mark", "!", "--mark", "0xC114", "-j", "DROP"}, options);
  if (!result) return fail(result.error().message);
  if (result->timed_out) return unknown(path->string() + " gives no answer");
  if (result->status == 0) return pass(fmt::format("{}: a rule with -m mark works", path->string()));
  const auto lines = split_lines(result->err);
  return fail(fmt::format("{}: a rule with -m mark does not work{}", path->string(),
                          lines.empty() ? "" : ": " + std::string(lines.front())));
}
// What CRIU puts in force while it dumps a network namespace, and what it then saves of it.
ProbeResult namespace_tables(const std::string& family) {
  if (const auto sandbox = find_probe("unshare-network")->run(); sandbox.status != Status::pass)
    return unknown(sandbox.detail);
  for (const std::string step : {"-restore", "-save"}) {
    const auto path = find_program(family + step);
    if (!path) return fail(family + step + " is not on PATH");
    ProcessOptions options;
    options.timeout = limit;
    std::vector<std::string> words{path->string()};
    if (step == "-restore") {
      words.insert(words.end(), {"-w", "--noflush"});
      options.input =
          "*filter\n:CRIU - [0:0]\n-I INPUT -j CRIU\n-I OUTPUT -j CRIU\n"
          "-A CRIU -m mark --mark 0xC114 -j ACCEPT\n-A CRIU -j DROP\nCOMMIT\n";
    }
    const auto result = run(words, options);
    if (!result) return fail(result.error().message);
    if (result->timed_out) return unknown(path->string() + " gives no answer");
    const auto lines = split_lines(result->err);
    if (result->status != 0)
      return fail(fmt::format("{} does not work{}", path->string(),
                              lines.empty() ? "" : ": " + std::string(lines.front())));
  }
  return pass(fmt::format("{0}-restore and {0}-save work", family));
}
ProbeResult namespace_iptables() {
  const auto ipv4 = namespace_tables("iptables");
  return ipv4.status != Status::pass || !std::filesystem::exists("/proc/sys/net/ipv6")
             ? ipv4
             : namespace_tables("ip6tables");
}
ProbeResult iptables_program() {
  return on_path("iptables");
}
ProbeResult ip6tables_program() {
  return on_path("ip6tables");
}
ProbeResult iptables() {
  return mark_match("iptables");
}
ProbeResult ip6tables() {
  return mark_match("ip6tables");
}

}  // namespace

std::vector<Probe> helper_probes() {
  return {{"gnu-tar", gnu_tar},
          {"gzip", gzip},
          {"sh", shell},
          {"ip", ip},
          {"iptables", iptables_program},
          {"ip6tables", ip6tables_program},
          {"namespace-iptables", namespace_iptables, Place::own_network},
          {"iptables-mark", iptables, Place::own_network},
          {"ip6tables-mark", ip6tables, Place::own_network}};
}

}  // namespace cg::probes

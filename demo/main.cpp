// demo-guest: runs inside the guest, makes a container as Kata's agent makes one, checkpoints it, restores
// it, and says what held. Exit status: 0 everything held; 1 something did not (the account says what); 2
// usage; 3 the container could not be made, so that there was nothing to show.
//
// --json FILE writes the account, also of a run that failed:
//   schema "criu-guest.demo", version 2
//   ok                         the exit status is 0
//   kernel                     uname -r of the guest
//   criu.{path,version}
//   pid, restored_pid          of the container's init, as the guest sees it (the kernel gives a new one)
//   pid_in_namespace, restored_pid_in_namespace   as the program itself sees it (the same)
//   counters.before            first line of the program
//   counters.at_dump           last line before the dump
//   counters.restored          first line after the restore: one more
//   counters.after             when the observation ended
//   paused                     the cgroup was frozen when guest-checkpoint came
//   gone_in_between            after the dump: no such process, nothing in the cgroup, its pipes ended
//   dump, restore              what guest-checkpoint said: criu's exact options, seconds, bytes
//                              (docs/guest-checkpoint.schema.json)
//   seconds.{pause,dump,restore}   of the whole calls
//   states.{at_dump,restored,after}  what the program said (workload.cpp)
//   checks[]                   {name, held, detail}: what must hold after the restore
//   without[]                  what this run left out on purpose
//   failure                    only of a run that stopped: {step, message}
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "base/cli/cli.h"
#include "base/file.h"
#include "demonstration.h"

namespace cg {
namespace {

void print_findings(const demo::Account& account, std::ostream& out) {
  for (const auto& finding : account.findings)
    out << fmt::format("  {} {:<15} {}\n", finding.held ? "ok  " : "FAIL", finding.name, finding.detail);
  const auto held = std::ranges::count_if(account.findings, &demo::Finding::held);
  if (!account.findings.empty()) out << fmt::format("{} of {} held\n", held, account.findings.size());
}

Result<int> run_demonstration(const demo::Plan& plan, const std::string& json, Environment& env) {
  if (geteuid() != 0) return cannot("only root can make and checkpoint a container");
  const demo::Account account =
      demo::demonstrate(plan, [&](const std::string& line) { env.out << line << std::endl; });
  print_findings(account, env.out);
  if (!account.failed_step.empty())
    env.err << fmt::format("demo-guest: {}: {}\n", account.failed_step, account.failure.message);
  env.out << (account.ok() ? "The container went on where it had stopped.\n" : "The demonstration failed.\n");
  if (!json.empty()) CG_CHECK(write_file_atomically(json, demo::to_json(plan, account)));
  if (account.ok()) return exit_good;
  const bool made = account.failed_step != "prepare" && account.failed_step != "start";
  return made ? exit_no : exit_status(account.failure);
}

int demo_guest_main(const Args& args, Environment& env) {
  demo::Plan plan;
  std::string json;
  std::vector<std::string> without;
  unsigned limit = 60;
  Tool tool;
  tool.name = "demo-guest";
  tool.help = "Checkpoints and restores a container made as Kata's agent makes one";
  tool.options = {
      {"--criu FILE", &plan.criu, "The criu program"},
      {"--guest-checkpoint FILE", &plan.guest_checkpoint, "What dumps and restores"},
      {"--workload FILE", &plan.workload, "The program in the container (static)"},
      {"--work DIR", &plan.work, "Scratch directory on a writable file system; kept with images and logs"},
      {"--cgroup DIR", &plan.cgroup, "cgroup v2 directory of the container"},
      {"--json FILE", &json, "Write the account here"},
      {"--limit", &limit, "Seconds for each wait and each run of criu"},
      {"--megabytes", &plan.megabytes, "Memory that the program holds and verifies"},
      {"--threads", &plan.threads, "Threads of the program"},
      {"--without NAME...",
       &without,
       "Leave something out on purpose, to show what then happens; repeatable",
       {.choices = {"session", "pause"}}}};
  tool.run = [&](Context& context) -> Result<int> {
    plan.without = {without.begin(), without.end()};
    plan.limit = std::chrono::seconds(limit);
    return run_demonstration(plan, json, context.env);
  };
  return run_commands(tool, args, env);
}

}  // namespace
}  // namespace cg

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::demo_guest_main);
}

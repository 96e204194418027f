// lab-guest, the lab's program inside the guest. It is also the task that is dumped, and the one that takes
// system calls away before it becomes another program.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "base/cli/cli.h"
#include "base/text.h"
#include "random.h"
#include "start.h"
#include "table.h"
#include "task.h"
#include "trial.h"

namespace cg::lab {
namespace {

int fail(const Error& error, Environment& env) {
  return report_error(error, "lab-guest", env);
}

// A session of its own with that terminal, for the child that goes on; the parent ends as the child does.
// Between them the session's leader stays until the terminal is hung up: when a leader ends, its whole
// session is.
void take_terminal(const std::string& name) {
  std::array<int, 2> report{};
  if (pipe2(report.data(), O_CLOEXEC) != 0) _exit(exit_unable);
  if (fork() > 0) {
    close(report[1]);
    int status = exit_unable;
    (void)!read(report[0], &status, sizeof status);
    _exit(status);
  }
  setsid();
  const int terminal = open(name.c_str(), O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(terminal, fd);
  if (terminal > 2) close(terminal);
  const pid_t child = fork();
  if (child == 0) return;
  int status = 0;
  waitpid(child, &status, 0);
  status = WIFEXITED(status) ? WEXITSTATUS(status) : exit_no;
  (void)!write(report[1], &status, sizeof status);
  for (;;) pause();
}

// behind TERMINAL TAKING… -- COMMAND…
int behind(const Args& args, Environment& env) {
  if (args.size() > 1 && !args[1].empty()) take_terminal(args[1]);
  std::vector<Taking> takings;
  std::size_t at = 2;
  for (; at < args.size() && args[at] != "--"; ++at) {
    auto taking = parse_taking(args[at]);
    if (!taking) return fail(taking.error(), env);
    takings.push_back(std::move(*taking));
  }
  if (at + 1 >= args.size()) return exit_usage;
  if (auto done = take_away_calls(takings); !done) return fail(done.error(), env);
  std::vector<char*> argv;
  for (++at; at < args.size(); ++at) argv.push_back(const_cast<char*>(args[at].c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  return fail(Error{ErrorKind::cannot, fmt::format("{}: {}", argv[0], std::strerror(errno))}, env);
}

Result<Programs> programs_of(const std::string& kcheck, const std::vector<std::string>& criu) {
  Programs programs{kcheck, {}};
  for (const auto& one : criu) {
    const auto version = parse_version(one.substr(0, one.find('=')));
    if (!version || !one.contains('=')) return usage_error(fmt::format("--criu {}: not VERSION=PATH", one));
    programs.criu[*version] = one.substr(one.find('=') + 1);
  }
  return programs;
}

Result<int> run_cases(const std::string& cases_file, const std::string& kcheck,
                      const std::vector<std::string>& criu, const std::vector<std::string>& chosen,
                      bool across) {
  CG_TRY(programs, programs_of(kcheck, criu));
  CG_TRY(cases, load_cases(cases_file));
  CG_CHECK(start_outside());
  for (const auto& one : cases)
    if (chosen.empty() || std::ranges::find(chosen, one.id) != chosen.end())
      run_case(one, programs, across ? Pairs::across : Pairs::same);
  return exit_good;
}

// Seeds FIRST to FIRST + COUNT - 1, each a tree of its own.
Result<int> run_seeds(int first, int count, const std::string& kcheck, const std::vector<std::string>& criu) {
  CG_TRY(programs, programs_of(kcheck, criu));
  CG_CHECK(start_outside());
  for (int seed = first; seed < first + count; ++seed)
    run_case(random_case(static_cast<std::uint64_t>(seed)), programs);
  return exit_good;
}

Result<int> table(const std::string& cases, const std::vector<std::string>& answers, std::ostream& out) {
  Summary summary;
  CG_TRY(text, lab_table(cases, {answers.begin(), answers.end()}, summary));
  out << text;
  return summary.differ == 0 && summary.agree > 0 ? exit_good : exit_no;
}

// run, random and table, the modes with options.
int commands(const Args& args, Environment& env) {
  std::string cases;
  std::string kcheck;
  std::vector<std::string> criu;
  std::vector<std::string> rest;
  bool across = false;
  int seed = 1;
  int count = 1;
  const Option cases_option{"--cases FILE", &cases, "The cases", {.required = true}};
  Tool tool;
  tool.name = "lab-guest";
  tool.help = "The lab's program in the guest";
  tool.commands = {
      {.name = "run",
       .help = "Runs the lab's cases and prints what kcheck said and what CRIU did, a line each",
       .options = {cases_option,
                   {"--kcheck FILE", &kcheck, "kcheck", {.required = true}},
                   {"--criu VERSION=PATH", &criu, "A criu", {.required = true}},
                   {"--across", &across, "What each of them dumped is restored by each"},
                   {"CASE", &rest, "Only these"}},
       .run = [&](Context&) { return run_cases(cases, kcheck, criu, rest, across); }},
      {.name = "random",
       .help = "Runs trees that are drawn by lot, a line each as with run, and what they were made of",
       .options = {{"--seed N", &seed, "The first seed"},
                   {"--count N", &count, "How many"},
                   {"--kcheck FILE", &kcheck, "kcheck", {.required = true}},
                   {"--criu VERSION=PATH", &criu, "A criu", {.required = true}}},
       .run = [&](Context&) { return run_seeds(seed, count, kcheck, criu); }},
      {.name = "table",
       .help = "Prints the answers of the lab as a table; fails when kcheck and CRIU differ",
       .options = {cases_option, {"ANSWERS", &rest, "What `lab-guest run` printed", {.required = true}}},
       .run = [&](Context& context) { return table(cases, rest, context.env.out); }}};
  return run_commands(tool, args, env);
}

// forest PROCESSES FILES: a tree of that many processes, each with that many descriptors, for the bench.
int forest(const Args& args, Environment& env) {
  const auto number = [&](std::size_t at) { return at < args.size() ? std::atoi(args[at].c_str()) : 0; };
  const int processes = number(1);
  const int files = number(2);
  if (processes < 1 || files < 4) return exit_usage;
  for (int count = 1; count < processes; ++count)
    if (fork() == 0) break;
  // A quarter each of files, sockets and the ends of pipes that go in and out.
  for (int count = 3; count < files; count += 4) {
    std::array<int, 2> ends{};
    if (open("/etc/passwd", O_RDONLY) < 0 || socket(AF_UNIX, SOCK_DGRAM, 0) < 0) return exit_unable;
    if (pipe(ends.data()) != 0) return exit_unable;
  }
  env.out << "ready\n" << std::flush;
  for (;;) pause();
}

// busy SECONDS: how many times it went round, in memory that it maps anew each time, while others may look at
// it.
int busy(const Args& args, Environment& env) {
  const auto seconds = std::chrono::duration<double>(args.size() > 1 ? std::atof(args[1].c_str()) : 1.0);
  const auto end = std::chrono::steady_clock::now() + seconds;
  std::uint64_t rounds = 0;
  while (std::chrono::steady_clock::now() < end) {
    void* place = mmap(nullptr, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) return exit_unable;
    std::memset(place, 1, 1 << 16);
    munmap(place, 1 << 16);
    ++rounds;
  }
  env.out << rounds << "\n";
  return exit_good;
}

int lab_main(const Args& args, Environment& env) {
  const std::string mode = args.empty() ? "" : args.front();
  if (mode == "behind") return behind(args, env);
  if (mode == "run" || mode == "random" || mode == "table") return commands(args, env);
  if (mode == "forest") return forest(args, env);
  if (mode == "busy") return busy(args, env);
  if (mode == "task" && args.size() >= 3) {
    const auto done = be_the_task(args[2], Args(args.begin() + 3, args.end()));
    return done ? exit_good : fail(done.error(), env);
  }
  env.err << "lab-guest: say run, random, table, task, behind, forest or busy\n";
  return exit_usage;
}

}  // namespace
}  // namespace cg::lab

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::lab::lab_main);
}

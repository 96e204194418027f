// kcheck explain: the reports that people had to puzzle over, logs that CRIU wrote in a guest for refusals
// set up for real, logs of other programs, hangs seen through /proc, and inputs that are no log at all.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "base/file.h"
#include "base/text.h"
#include "explain/explain_command.h"
#include "json_schema.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const fs::path data = fs::path(CG_SOURCE_DIR) / "tests/unit/kcheck/explain";

std::string headline(const Outcome& outcome) {
  return outcome.out.substr(0, outcome.out.find('\n'));
}

// With the ids, which are for -v only.
Outcome run_explain(Args args, const std::string& input = "") {
  args.insert(args.begin(), {"-v", "explain"});
  return run_kcheck(args, input);
}

// The id of the first finding, whatever it proves.
std::string first_id(const Outcome& outcome) {
  for (const auto line : split_lines(outcome.out))
    if (trim(line).starts_with("id  ")) return std::string(trim(trim(line).substr(3)));
  return "";
}

// The id of the cause; "unknown" for an error that is not known, empty where none is named.
std::string cause(const Outcome& outcome) {
  const std::string id = first_id(outcome);
  return headline(outcome).starts_with("CAUSE: ") || id == "unknown" ? id : "";
}

// The id of what is likely.
std::string guess(const Outcome& outcome) {
  return headline(outcome).starts_with("POSSIBLY: ") && outcome.status == 1 ? first_id(outcome) : "";
}

// Compares with a file beside this test; CG_UPDATE_GOLDEN writes it anew.
void expect_golden(const Outcome& outcome, const std::string& name) {
  std::string text = outcome.out;
  const std::string here = data.string() + "/";
  for (auto at = text.find(here); at != text.npos; at = text.find(here, at)) text.erase(at, here.size());
  const fs::path file = data / "golden" / name;
  if (std::getenv("CG_UPDATE_GOLDEN")) {
    ASSERT_TRUE(write_file_atomically(file, text));
    return;
  }
  const auto golden = read_file(file);
  ASSERT_TRUE(golden) << golden.error().message;
  EXPECT_EQ(text, *golden);
}

std::string report_file(const std::string& name) {
  return (data / "reports" / name).string();
}

TEST(Explain, Membarrier) {
  const auto outcome = run_kcheck({"explain", "--criu", "3.19", report_file("membarrier.log")});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(cause(run_explain({"--criu", "3.19", report_file("membarrier.log")})), "kernel.membarrier");
  EXPECT_TRUE(outcome.out.contains("not the kernel's version"));
  expect_golden(outcome, "membarrier.txt");
}

TEST(Explain, UnreachableSharing) {
  const auto outcome = run_kcheck({"explain", report_file("sharing.log")});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.out.contains("--external 'mnt[]:m'"));
  EXPECT_TRUE(outcome.out.contains("'mnt[/dev/shm]:KEY'"));
  expect_golden(outcome, "sharing.txt");
  // The same error with the option that the message suggests: the answer says why that did nothing.
  const auto again = run_kcheck(
      {"explain", report_file("sharing.log"), "--", "criu", "dump", "-t", "1", "--enable-external-masters"});
  EXPECT_TRUE(headline(again).starts_with("CAUSE: The mount /dev/shm is a slave")) << headline(again);
  EXPECT_TRUE(again.out.contains("flags.masters-alone"));
  expect_golden(again, "sharing-with-masters.txt");
}

TEST(Explain, SessionLeaderOutside) {
  const auto outcome = run_kcheck({"explain", report_file("session.log")});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.out.contains("not --shell-job"));
  EXPECT_TRUE(outcome.out.contains("not the program that runs"));
  EXPECT_TRUE(outcome.out.contains("setsid"));
  expect_golden(outcome, "session.txt");
}

class Hang : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"images/files.img", "images/seccomp.img", "empty.log"}) put(name, "");
  }
  void put(const std::string& name, const std::string& text) {
    fs::create_directories((directory_.path() / name).parent_path());
    ASSERT_TRUE(write_file_atomically(directory_.path() / name, text));
  }
  std::string at(const std::string& name) const { return (directory_.path() / name).string(); }
  Outcome explain(Args args) {
    Outcome outcome = run_explain(std::move(args));
    const std::string here = directory_.path().string();
    for (auto spot = outcome.out.find(here); spot != outcome.out.npos; spot = outcome.out.find(here))
      outcome.out.replace(spot, here.size(), "");
    return outcome;
  }
  TemporaryDirectory directory_;
};

// A paused container, a dump without -v: no error text anywhere, only which images there are.
TEST_F(Hang, ImagesTellThatTheTaskIsFrozen) {
  const auto outcome = explain({at("empty.log"), "--images", at("images")});
  EXPECT_EQ(outcome.status, 1) << outcome.out << outcome.err;  // likely, not proven
  EXPECT_EQ(guess(outcome), "hang.infection");
  EXPECT_TRUE(outcome.out.contains("--freeze-cgroup"));
  expect_golden(outcome, "hang-quiet.txt");
  EXPECT_EQ(guess(explain({"--images", at("images")})), "hang.infection");
  EXPECT_EQ(guess(explain({at("images")})), "hang.infection");
}

TEST_F(Hang, LogOfDebugLevel) {
  const auto outcome = explain({report_file("frozen.log"), "--images", at("images")});
  EXPECT_EQ(guess(outcome), "hang.infection");
  EXPECT_TRUE(outcome.out.contains("Parasite syscall_ip"));
  EXPECT_EQ(guess(explain({report_file("frozen.log")})), "hang.infection");
}

// An empty log though -v4 was asked for: not "add -v", but which log this is, most likely first.
TEST_F(Hang, EmptyLogThoughVerbose) {
  for (const char* verbosity : {"-v4", "-vvvv", "--verbosity=4"}) {
    const auto outcome =
        explain({at("empty.log"), "--", "criu", "dump", "-t", "1", verbosity, "-o", "empty.log"});
    EXPECT_EQ(outcome.status, 0) << outcome.out;
    EXPECT_EQ(cause(outcome), "log.empty-verbose") << verbosity;
    EXPECT_FALSE(outcome.out.contains("run it again with -v4"));
    for (const char* way :
         {"1. another criu", "2. the log is somewhere else", "3. the disk is full", "4. the guest was ended"})
      EXPECT_TRUE(outcome.out.contains(way)) << way;
  }
  expect_golden(explain({at("empty.log"), "--images", at("images"), "--", "criu", "dump", "-t", "1", "-v4"}),
                "hang-verbose-empty.txt");
  const auto quiet = explain({at("empty.log"), "--", "criu", "dump", "-t", "1"});
  EXPECT_EQ(quiet.status, 1);
  EXPECT_TRUE(quiet.out.contains("run it again with -v4"));
}

TEST_F(Hang, OtherStages) {
  put("early/x", "");
  EXPECT_TRUE(explain({at("early")}).out.contains("hang.early"));
  for (const char* name : {"inventory.img", "pstree.img", "core-1.img"})
    put(std::string("late/") + name, "x");
  EXPECT_TRUE(explain({at("late")}).out.contains("hang.end"));
  put("broken.log", "(00.000001) Version: 4.2 (gitid 0)\n(00.000002) Dumping pages\n");
  const auto broken = explain({at("broken.log")});
  EXPECT_EQ(broken.status, 1);
  EXPECT_TRUE(broken.out.contains("log.breaks-off"));
  const auto none = explain({"--", "criu", "dump", "-t", "1"});
  EXPECT_EQ(none.status, 1);
  EXPECT_TRUE(none.out.contains("log.none"));
}

// A machine as /proc and /sys show it: criu 534 holds task 530.
class Processes : public Hang {
 protected:
  void SetUp() override {
    Hang::SetUp();
    put("proc/self/mountinfo", "22 1 0:20 / /sys/fs/cgroup rw - cgroup2 none rw\n");
    process(534, "criu", 'S', 0, "do_wait", "0::/\n");
    put("proc/534/cmdline", std::string("/run/criu\0dump\0-t\0"
                                        "530\0-v4\0",
                                        24));
    process(530, "sleep", 'S', 534, "get_signal", "0::/pod/container\n");
    put("sys/fs/cgroup/cgroup.procs", "");
    for (const std::string at : {"sys/fs/cgroup/pod/", "sys/fs/cgroup/pod/container/"}) {
      put(at + "cgroup.procs", "");
      put(at + "cgroup.freeze", "0\n");
    }
  }
  void process(int pid, const std::string& name, char state, int tracer, const std::string& wait,
               const std::string& cgroup) {
    const std::string at = "proc/" + std::to_string(pid) + "/";
    put(at + "status", "Name:\t" + name + "\nState:\t" + state + " (x)\nTgid:\t" + std::to_string(pid) +
                           "\nTracerPid:\t" + std::to_string(tracer) + "\nNSpid:\t" + std::to_string(pid) +
                           "\nNSpgid:\t1\nNSsid:\t1\nThreads:\t1\nSigPnd:\t0\nShdPnd:\t0\nSeccomp:\t0\n");
    put(at + "wchan", wait);
    put(at + "cgroup", cgroup);
  }
  Report look(int pid = 534) {
    ExplainCommand command;
    command.pid = pid;
    command.root = directory_.path();
    std::ostringstream out, err;
    std::istringstream in;
    Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
    auto report = cg::explain(KcheckOptions{}, command, env);
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(Report{});
  }
  std::string found(const Report& report) {
    return report.subjects.at(0).findings.empty() ? "" : report.subjects[0].findings[0].id;
  }
};

TEST_F(Processes, FrozenCgroup) {
  put("sys/fs/cgroup/pod/container/cgroup.freeze", "1\n");
  const Report report = look();
  ASSERT_EQ(found(report), "hang.frozen-v2");
  const auto& finding = report.subjects[0].findings[0];
  EXPECT_TRUE(finding.title.contains("/sys/fs/cgroup/pod/container is frozen")) << finding.title;
  EXPECT_TRUE(finding.seen.contains("criu 534 (criu): state S, waits in do_wait")) << finding.seen;
  EXPECT_TRUE(finding.seen.contains("task 530 (sleep): state S, waits in get_signal, traced by 534"))
      << finding.seen;
  EXPECT_EQ(exit_status(report, Strictness::normal), 0);
}

TEST_F(Processes, FrozenAncestor) {
  put("sys/fs/cgroup/pod/cgroup.freeze", "1\n");
  const Report report = look();
  ASSERT_EQ(found(report), "hang.frozen-v2");
  EXPECT_TRUE(report.subjects[0].findings[0].fix.contains("/sys/fs/cgroup/pod:"));
}

TEST_F(Processes, FrozenV1AndCriuInside) {
  put("proc/self/mountinfo", "23 1 0:21 / /sys/fs/cgroup/freezer rw - cgroup none rw,freezer\n");
  process(530, "sleep", 'D', 0, "do_freezer_trap", "4:freezer:/pod\n0::/\n");
  process(534, "criu", 'S', 0, "do_wait", "4:freezer:/pod\n0::/\n");
  put("sys/fs/cgroup/freezer/pod/cgroup.procs", "");
  put("sys/fs/cgroup/freezer/pod/freezer.state", "FROZEN\n");
  put("sys/fs/cgroup/freezer/pod/freezer.self_freezing", "1\n");
  const Report report = look();
  ASSERT_EQ(report.subjects[0].findings.size(), 2u);
  EXPECT_EQ(report.subjects[0].findings[0].id, "hang.frozen-v1");
  EXPECT_EQ(report.subjects[0].findings[1].id, "hang.criu-frozen");
}

TEST_F(Processes, OtherStates) {
  EXPECT_EQ(found(look()), "hang.waiting");
  process(530, "sleep", 'D', 534, "request_wait_answer", "0::/\n");
  EXPECT_EQ(found(look()), "hang.task-disk-sleep");
  process(530, "sleep", 'S', 77, "x", "0::/\n");  // found by the -t of criu's command line
  EXPECT_EQ(found(look()), "hang.other-tracer");
  process(534, "criu", 'D', 0, "request_wait_answer", "0::/\n");
  EXPECT_EQ(found(look()), "hang.criu-disk-sleep");
}

// Which binary runs and which log it really writes: what tells an empty log's explanations apart.
TEST_F(Processes, ProgramAndLog) {
  fs::create_directories(directory_.path() / "proc/534/fd");
  fs::create_symlink("/usr/sbin/criu", directory_.path() / "proc/534/exe");
  fs::create_symlink("/dev/null", directory_.path() / "proc/534/fd/0");
  fs::create_symlink("/elsewhere/d.log (deleted)", directory_.path() / "proc/534/fd/7");
  std::string facts;
  const Report report = look();
  for (const auto& [key, value] : report.subjects[0].facts) facts += key + " " + value + "\n";
  EXPECT_TRUE(facts.contains("program /usr/sbin/criu\nwrites to /elsewhere/d.log (deleted)\n")) << facts;
}

// A criu that a runtime started by RPC: its command line says nothing, its open log and its title do.
TEST_F(Processes, StartedByRpc) {
  put("proc/534/cmdline", std::string("criu\0swrk\0003\0", 12));
  fs::create_directories(directory_.path() / "proc/534/fd");
  fs::create_symlink("/run/w/dump.log", directory_.path() / "proc/534/fd/7");
  put("run/w/dump.log", "(00.000001) Version: 4.1.1 (gitid 0)\n(00.000002) Dumping pages\n");
  Report report = look();
  EXPECT_EQ(found(report), "hang.waiting");
  EXPECT_TRUE(report.subjects[0].name.ends_with("run/w/dump.log")) << report.subjects[0].name;
  for (const auto& finding : report.subjects[0].findings)
    EXPECT_FALSE(finding.id.starts_with("flags.")) << finding.id;
  process(530, "sleep", 'D', 0, "request_wait_answer", "0::/\n");
  put("proc/534/cmdline", "criu: dump --rpc -t 530 -D /run/i");
  report = look();
  EXPECT_EQ(found(report), "hang.task-disk-sleep");
}

// A task that ends while it is read, files that are no status, a criu that is gone.
TEST_F(Processes, Races) {
  fs::remove_all(directory_.path() / "proc/530/wchan");
  fs::remove_all(directory_.path() / "proc/530/cgroup");
  EXPECT_EQ(found(look()), "hang.waiting");
  fs::remove_all(directory_.path() / "proc/530");
  EXPECT_EQ(found(look()), "hang.waiting");
  put("proc/531/status", std::string(1000, '\0'));
  put("proc/532/x", "");
  EXPECT_EQ(found(look()), "hang.waiting");
  ExplainCommand command;
  command.pid = 1000;
  command.root = directory_.path();
  std::ostringstream out, err;
  std::istringstream in;
  Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
  const auto gone = cg::explain(KcheckOptions{}, command, env);
  ASSERT_FALSE(gone);
  EXPECT_EQ(exit_status(gone.error()), 3);
}

TEST(Explain, SocketDiagAndMapFiles) {
  for (const char* line :
       {"Error (criu/sockets.c:818): sockets: Sockets collect procedure family UNIX proto 0: No such file or "
        "directory",
        "Error (criu/sockets.c:800): Sockects collect procedure family IPV4 proto UDP",
        "(00.1) Error (criu/sockets.c:448): sockets: Sockets (family 2 proto 17) are not collected"}) {
    const auto outcome = run_explain({line});
    EXPECT_EQ(outcome.status, 0) << line;
    EXPECT_TRUE(cause(outcome).starts_with("socket.diag-missing")) << line << outcome.out;
  }
  for (const char* line : {"Error (criu/proc_parse.c:509): Can't open map_files: Permission denied",
                           "Error (criu/util.c:1): Can't open /proc/126/map_files: No such file or directory",
                           "Can't open 126/map_files on procfs: No such file or directory"})
    EXPECT_TRUE(cause(run_explain({line})).starts_with("kernel.map-files")) << line;
  expect_golden(run_kcheck({"explain", report_file("sockets.log")}), "sockets.txt");
  expect_golden(run_kcheck({"explain", report_file("map-files.log")}), "map-files.txt");
}

// A log is what CRIU of a version wrote when the refusal was set up in a guest: NAME.VERSION.log. The cause
// is in the file `causes`, "NAME ID" a line; ID "-" where nothing failed, "?ID" where it is likely only.
TEST(Explain, RealLogs) {
  std::map<std::string, std::string> expected;
  const std::string causes = read_file(data / "logs/causes").value();
  for (const auto line : split_lines(causes)) {
    const auto words = split(line, ' ');
    ASSERT_EQ(words.size(), 2u) << line;
    expected[words[0]] = words[1] == "-" ? "" : words[1];
  }
  std::set<std::string> seen;
  for (const auto& entry : fs::directory_iterator(data / "logs")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".log")) continue;
    const std::string kind = name.substr(0, name.find('.'));
    ASSERT_TRUE(expected.contains(kind)) << name;
    seen.insert(kind);
    const auto outcome = run_explain({entry.path().string()});
    if (expected[kind].starts_with('?')) {
      EXPECT_EQ("?" + guess(outcome), expected[kind]) << name << "\n" << outcome.out;
      continue;
    }
    EXPECT_EQ(cause(outcome), expected[kind]) << name << "\n" << outcome.out;
    const bool nothing_failed = headline(outcome).starts_with("NOTHING FAILED");
    EXPECT_EQ(outcome.status, expected[kind].empty() && !nothing_failed ? 1 : 0) << name;
  }
  EXPECT_EQ(seen.size(), expected.size());
}

// kinds.txt: "== VERDICT ID", then the log.
TEST(Explain, Kinds) {
  const std::string text = read_file(data / "kinds.txt").value();
  std::string verdict, id, log;
  int cases = 0;
  const auto explain_it = [&] {
    if (verdict.empty()) return;
    ++cases;
    const auto outcome = run_explain({"-"}, log);
    EXPECT_TRUE(headline(outcome).starts_with(verdict)) << verdict << " " << id << "\n" << log << outcome.out;
    const std::string shown = "        id      " + id + "\n";
    EXPECT_EQ(outcome.out.contains("        id      "), id != "-") << log << outcome.out;
    if (id != "-") {
      EXPECT_TRUE(outcome.out.contains(shown)) << id << "\n" << log << outcome.out;
    }
    EXPECT_EQ(outcome.status, verdict == "CAUSE" || verdict == "NOTHING FAILED" ? 0 : 1) << log;
  };
  for (const auto line : split_lines(text)) {
    if (line.starts_with("== ")) {
      explain_it();
      const auto blank = line.rfind(' ');
      verdict = line.substr(3, blank - 3);
      id = line.substr(blank + 1);
      log.clear();
    } else if (!line.starts_with('#') && !line.empty()) {
      log += std::string(line) + "\n";
    }
  }
  explain_it();
  EXPECT_GE(cases, 100);
}

// Ids and places in sources are for -v; the one thing to do stands right below the verdict.
TEST(Explain, OrderOfTheAnswer) {
  const std::string line =
      "Error (criu/pstree.c:304): The root process 7 is not a session leader. Consider using "
      "--shell-job option";
  const auto outcome = run_kcheck({"explain", line});
  const auto lines = split_lines(outcome.out);
  ASSERT_GE(lines.size(), 2u);
  EXPECT_EQ(lines[0], "CAUSE: The root of the tree is no session leader");
  EXPECT_TRUE(trim(lines[1]).starts_with("do ")) << lines[1];
  EXPECT_TRUE(lines[1].contains("--shell-job"));
  EXPECT_FALSE(outcome.out.contains("tree.not-session-leader"));
  EXPECT_FALSE(outcome.out.contains("criu/pstree.c"));
  const auto verbose = run_explain({line});
  EXPECT_TRUE(verbose.out.contains("tree.not-session-leader"));
  EXPECT_TRUE(verbose.out.contains("criu/pstree.c:304"));
}

// A runtime names CRIU's log: that is read where it is there, below the work directory or beside the
// runtime's own log as well; where it is not, the answer says so.
TEST_F(Hang, FollowsTheLogThatARuntimeNames) {
  const std::string error =
      "Error (criu/pipes.c:490): The packetized mode for pipes is not supported yet\nError "
      "(criu/cr-dump.c:1): "
      "Dumping FAILED.\n";
  put("work/criu-dump.log", error);
  put("runc.log", "criu failed: type NOTIFY errno 0\nlog file: " + at("work/criu-dump.log") + "\n");
  const auto named = explain({at("runc.log")});
  EXPECT_EQ(cause(named), "file.pipe-packet") << named.out;
  EXPECT_TRUE(named.out.contains("runc.log"));
  put("crun.log", "CRIU checkpointing failed -52.  Please check CRIU logfile dump.log: Invalid exchange\n");
  EXPECT_EQ(cause(explain({at("crun.log")})), "");
  put("dump.log", error);
  EXPECT_EQ(cause(explain({at("crun.log")})), "file.pipe-packet");
  put("podman.log",
      "CRIU checkpointing failed -52.  Please check CRIU logfile /nowhere/d.log: Invalid exchange\n"
      "Error: `/usr/bin/crun checkpoint --work-path " +
          at("work2") + " 7` failed: exit status 1\n");
  const auto missing = explain({at("podman.log")});
  EXPECT_EQ(missing.status, 1);
  EXPECT_TRUE(missing.out.contains("/nowhere/d.log, which is not here")) << missing.out;
  put("work2/d.log", error);
  EXPECT_EQ(cause(explain({at("podman.log")})), "file.pipe-packet");
}

TEST(Explain, LogsOfOtherProgramsAreNotKnown) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(data / "foreign")) {
    const auto outcome = run_explain({entry.path().string()});
    EXPECT_EQ(outcome.status, 1) << entry.path() << outcome.out;
    EXPECT_TRUE(headline(outcome).starts_with("NOT KNOWN")) << entry.path() << outcome.out;
    EXPECT_TRUE(cause(outcome).empty() || cause(outcome) == "unknown") << entry.path() << outcome.out;
    ++count;
  }
  EXPECT_GE(count, 20);
}

TEST(Explain, UnknownErrorShowsTheNearestTexts) {
  const auto outcome =
      run_explain({"Error (new.c:7): A session leader of task 9 is outside of its namespace"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(cause(outcome), "unknown");
  EXPECT_TRUE(outcome.out.contains("nearest known: A session leader of #(#) is outside")) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("new.c:7"));
}

TEST(Explain, RemediesFollowTheVersion) {
  const std::string line =
      "Locking network failed: iptables-restore returned 1. This may be connected to disabled";
  EXPECT_TRUE(run_kcheck({"explain", "--criu", "3.19", line}).out.contains("--network-lock skip"));
  EXPECT_FALSE(run_kcheck({"explain", "--criu", "3.18", line}).out.contains("--network-lock skip"));
  EXPECT_TRUE(run_kcheck({"explain", line}).out.contains("(CRIU >=3.19)"));
}

TEST(Explain, StandardInputAndForms) {
  const std::string text =
      "x\nError (criu/pstree.c:304): The root process 7 is not a session leader. Consider using --shell-job "
      "option\n";
  const auto outcome = run_kcheck({"explain", "-"}, text);
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(outcome.out.contains("standard input:2"));
  const auto json = run_kcheck({"explain", "--format", "json", "-"}, text + "\xff\xfe\n");
  const auto document = nlohmann::json::parse(json.out);
  EXPECT_EQ(violation_of(document.dump(), "kcheck.schema.json"), "");
  EXPECT_EQ(document["subjects"][0]["findings"][0]["line"], 2);
}

TEST(Explain, ExitStatuses) {
  struct {
    Args args;
    int status;
  } const cases[] = {
      {{"explain"}, 2},
      {{"explain", "/nonexistent/d.log"}, 3},
      {{"explain", "nonexistent.log"}, 3},
      {{"explain", "--images", "/nonexistent"}, 3},
      {{"explain", "--pid", "0"}, 2},
      {{"explain", "--pid", "999999999"}, 3},
      {{"explain", "--criu", "99.9", "some words"}, 3},
      {{"explain", "--knowledge", "/nonexistent", "some words"}, 3},
      {{"explain", "some words"}, 1},
      {{"explain", std::string("\0\1\2 \xff", 5)}, 1},
  };
  for (const auto& test : cases) {
    const auto outcome = run_kcheck(test.args);
    EXPECT_EQ(outcome.status, test.status) << test.args.back() << outcome.out << outcome.err;
  }
}

}  // namespace
}  // namespace cg

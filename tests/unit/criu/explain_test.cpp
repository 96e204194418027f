// Logs as streams, texts with holes, and the causes compiled in.
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "base/text.h"
#include "criu/log/diagnosis.h"
#include "criu/versions.h"

namespace cg {
namespace {

const Knowledge& knowledge() {
  static const Knowledge loaded = builtin_knowledge().value();
  return loaded;
}

using Proof = Diagnosis::Proof;

Diagnosis diagnose(std::string_view log) {
  return cg::diagnose(knowledge(), read_criu_log(log));
}

std::string cause_of(std::string_view log) {
  const auto diagnosis = diagnose(log);
  return diagnosis.proof == Proof::cause ? diagnosis.answer->cause->id : "";
}

TEST(LogText, Holes) {
  const auto find = [](const char* text, std::string_view line) {
    const auto holes = LogText::parse(text).value().find_in(line);
    return holes ? "[" + join(*holes, "|") + "]" : "no";
  };
  EXPECT_EQ(find("Mount # .* (master_id: #", "mnt: Mount 130 ./dev/shm (master_id: 20 shared_id: 0)"),
            "[130|/dev/shm|20]");
  EXPECT_EQ(find("#:.* doesn't have a proper", "mnt: 40:./run/mnt doesn't have a proper root mount"),
            "[40|/run/mnt]");
  EXPECT_EQ(find("* is a fuse mount but", "mnt: ./a is a fuse mount but not external"), "[./a]");
  EXPECT_EQ(find("session leader of #(#) is", "a session leader of x(1) is, a session leader of 126(1) is"),
            "[126|1]");
  EXPECT_EQ(find("ghost file * of # size", "ghost file /a of b of 7 size"), "no");  // holes take the least
  EXPECT_EQ(find("Dumping FAILED", "Dumping"), "no");
  EXPECT_EQ(find("Dumping FAILED*", "Dumping FAILED"), "[]");
  EXPECT_FALSE(LogText::parse("x: *"));
  EXPECT_FALSE(LogText::parse(""));
  EXPECT_FALSE(LogText::parse("*#*"));
}

TEST(Log, KeepsWhatMatters) {
  const auto log = read_criu_log(
      "(00.000035) Version: 4.2 (gitid 0)\r\n(00.000042) Running on guest Linux 6.12.47 #1 SMP x86_64\r\n"
      "(00.1) no time\n(00.010000)      1: Error (criu/files-reg.c:2175): File a has bad size 1 (expect "
      "2)\r\n"
      "Warn  (compel/src/lib/infect.c:133): Unable to interrupt task: 7 (No such process)\n"
      "(01.000000) Error (not a place): x\nlast");
  EXPECT_EQ(log.lines, 7u);
  EXPECT_EQ(log.criu_version, "4.2");
  EXPECT_EQ(log.kernel, "6.12.47");
  ASSERT_EQ(log.errors.size(), 1u);
  EXPECT_EQ(log.errors[0].number, 4u);
  EXPECT_EQ(log.errors[0].where, "criu/files-reg.c:2175");
  EXPECT_EQ(log.errors[0].text, "File a has bad size 1 (expect 2)");
  ASSERT_EQ(log.warnings.size(), 1u);
  EXPECT_EQ(log.errors[0].task, "1");
  EXPECT_EQ(log.machine, "x86_64");
  EXPECT_EQ(log.end, CriuLog::End::open);
  EXPECT_TRUE(read_criu_log("").empty());
}

// What the last line that tells an end says.
TEST(Log, End) {
  const auto end = [](std::string_view log) { return read_criu_log(log).end; };
  EXPECT_EQ(end("(00.500000) Dumping finished successfully\n"), CriuLog::End::success);
  EXPECT_EQ(end("(00.500000) Pre-dumping finished successfully\n"), CriuLog::End::success);
  EXPECT_EQ(end("(00.5) x\n(00.500000) Restore finished successfully. Tasks resumed.\n"),
            CriuLog::End::success);
  EXPECT_EQ(end("Looks good.\n"), CriuLog::End::success);
  EXPECT_EQ(end("The food looks good.\n"), CriuLog::End::open);
  EXPECT_EQ(end("Does not look good.\n"), CriuLog::End::failure);
  EXPECT_EQ(
      end("(00.500000) Dumping finished successfully\nError (criu/cr-restore.c:1): Restoring FAILED.\n"),
      CriuLog::End::failure);
}

// What was being done when an error was told: the task and the last line above.
TEST(Log, SettingOfAnError) {
  const auto log = read_criu_log(
      "(00.000001) Dumping task (pid: 71)\n(00.000002) Obtaining task auvx ...\n"
      "(00.000003) Error (criu/a.c:1): of the dump\n"
      "(00.000004)    18: Error (criu/a.c:1): of a restored task\n"
      "pie: 9: Error (criu/pie/a.c:1): of its own code\n");
  ASSERT_EQ(log.errors.size(), 3u);
  EXPECT_EQ(log.errors[0].task, "71");
  EXPECT_EQ(log.errors[0].before, "Obtaining task auvx ...");
  EXPECT_EQ(log.errors[1].task, "18");
  EXPECT_EQ(log.errors[2].task, "9");
}

// The same however the bytes are cut.
TEST(Log, ReadsAnyPieces) {
  const std::string text = "a\n\n(00.000001) Error (criu/a.c:1): b\r\nc\n(00.000002) Error (criu/b.c:2): d";
  const auto whole = read_criu_log(text);
  for (std::size_t size = 1; size < text.size(); ++size) {
    LogReader reader;
    for (std::size_t at = 0; at < text.size(); at += size)
      reader.feed(std::string_view(text).substr(at, size));
    const auto pieces = reader.finish();
    EXPECT_EQ(pieces.lines, whole.lines);
    ASSERT_EQ(pieces.error_count, 2u);
    EXPECT_EQ(pieces.errors[1].text, "d");
  }
}

// What CRIU, its restorer of old versions and other programs make of one error.
TEST(Log, OneErrorInTwoLinesAndManyLinesInOne) {
  const auto errno_below =
      read_criu_log("Error (criu/kerndat.c:1048): Unexpected error from clone3\n: Invalid argument\n");
  ASSERT_EQ(errno_below.errors.size(), 1U);
  EXPECT_EQ(errno_below.errors[0].text, "Unexpected error from clone3: Invalid argument");
  EXPECT_EQ(errno_below.head[0].text, errno_below.errors[0].text);
  EXPECT_EQ(errno_below.head[1].text, ": Invalid argument");

  const auto cut = read_criu_log(
      "(00.18)pie: 1: Error (criu/pie/restorer.c:273): Unable to restore capabil>\n(00.18)pie: 1: ities: "
      "-1\n: Later\n");
  ASSERT_EQ(cut.errors.size(), 1U);
  EXPECT_EQ(cut.errors[0].text, "Unable to restore capabilities: -1");

  const auto quoted = read_criu_log("b'(00.001485)     57: Error (criu/x.c:1): it\'s wrong'\n");
  ASSERT_EQ(quoted.errors.size(), 1U);
  EXPECT_EQ(quoted.errors[0].text, "it's wrong");

  const auto one_line = read_criu_log(
      "failed: x\\n(00.000041) Version: 4.1 (gitid 0)\\\\n(00.005417) Error (criu/a.c:2): "
      "first\\n(00.005937) Error "
      "(criu/b.c:3): second\\n\nError (criu/c.c:4): third\n");
  ASSERT_EQ(one_line.errors.size(), 3U);
  EXPECT_EQ(one_line.lines, 2U);
  EXPECT_EQ(one_line.criu_version, "4.1");
  EXPECT_EQ(one_line.errors[0].text, "first");
  EXPECT_EQ(one_line.errors[1].number, 1U);
  EXPECT_EQ(one_line.errors[2].number, 2U);
  EXPECT_EQ(read_criu_log("no time behind it: \\n(0\n").head.size(), 1U);

  const auto header = read_criu_log("Error (criu/include/image.h:144): BUG at criu/include/image.h:144\n");
  ASSERT_EQ(header.errors.size(), 1U);
  EXPECT_EQ(header.errors[0].where, "criu/include/image.h:144");
}

TEST(Log, MemoryIsBounded) {
  LogReader reader;
  const std::string piece(1 << 20, 'x');
  for (int i = 0; i < 100; ++i) reader.feed(piece);  // one line of 100 MB
  for (int i = 0; i < 200000; ++i) reader.feed("\n(00.000001) Error (criu/a.c:1): again");
  reader.feed("\n");
  const auto log = reader.finish();
  EXPECT_EQ(log.lines, 200001u);
  EXPECT_EQ(log.error_count, 200000u);
  EXPECT_EQ(log.errors.size() + log.last_errors.size(), 128u);
  EXPECT_EQ(log.last_errors.back().number, 200001u);
  EXPECT_LT(log.head[0].text.size(), 1000u);
  EXPECT_LE(log.head.size() + log.tail.size(), 2000u);
}

TEST(Diagnosis, FirstCauseAndNoNoise) {
  EXPECT_EQ(cause_of("Error (criu/tun.c:78): tun: Unable to create tun: No such file or directory\n"
                     "Error (criu/kerndat.c:2106): kerndat_has_membarrier_get_registrations failed when "
                     "initializing kerndat.\n"
                     "Error (criu/crtools.c:280): Could not initialize kernel features detection.\n"),
            "kernel.membarrier");
  // A cause that is only warned of.
  EXPECT_EQ(cause_of("Warn  (compel/src/lib/infect.c:133): Unable to interrupt task: 7 (No such process)\n"
                     "Error (criu/cr-dump.c:2098): Dumping FAILED.\n"),
            "tree.gone");
  // What is only told, not a failure.
  EXPECT_EQ(cause_of("(00.000001) Warn  (criu/net.c:1): CRIU was built without libnftables support\n"
                     "(00.000002) Dumping finished successfully\n"),
            "");
  // Quoted by another program.
  EXPECT_EQ(
      cause_of(
          "level=error msg=\"criu failed: (00.017) Error (criu/mount.c:753): mnt: 40:./etc/hosts doesn't "
          "have a proper root mount\""),
      "mount.no-root");
  EXPECT_EQ(diagnose("Error (criu/cr-dump.c:2098): Dumping FAILED.").proof, Proof::end_only);
  EXPECT_EQ(diagnose("").proof, Proof::open);
}

constexpr const char* unknown_error = "Error (nowhere.c:1): a text that nothing has\n";
constexpr const char* known_error =
    "Error (criu/pipes.c:490): The packetized mode for pipes is not supported yet\n";
constexpr const char* failed = "Error (criu/cr-dump.c:2098): Dumping FAILED.\n";

// The end decides whether anything failed, whatever errors stand above it; none may stand behind it.
TEST(Diagnosis, TheEndDecides) {
  const std::string success = "(00.500000) Dumping finished successfully\n";
  EXPECT_EQ(diagnose(known_error + success).proof, Proof::nothing_failed);
  EXPECT_EQ(diagnose(unknown_error + success).proof, Proof::nothing_failed);
  EXPECT_EQ(diagnose(success + known_error).proof, Proof::cause);
  EXPECT_EQ(diagnose("Error (criu/util.c:631): exited, status=1\nLooks good.\n").proof,
            Proof::nothing_failed);
}

// The first error counts. An unknown one is not explained by a known one further down, but by its caller.
TEST(Diagnosis, FirstErrorFirst) {
  EXPECT_EQ(cause_of(std::string(known_error) + unknown_error + failed), "file.pipe-packet");
  EXPECT_EQ(cause_of(std::string(unknown_error) + known_error + failed), "file.pipe-packet");
  const auto apart = diagnose(std::string(unknown_error) + "(00.1) something else\n" + known_error + failed);
  EXPECT_EQ(apart.proof, Proof::guess);
  ASSERT_TRUE(apart.before);
  EXPECT_EQ(apart.before->line.number, 1u);
  EXPECT_EQ(diagnose(std::string(unknown_error) + failed).proof, Proof::unknown);
}

// A warning stands for an error only where there is none.
TEST(Diagnosis, WarningsStandInForNoUnknownError) {
  const std::string warning =
      "Warn  (compel/src/lib/infect.c:133): Unable to interrupt task: 7 (No such process)\n";
  EXPECT_EQ(cause_of(warning + failed), "tree.gone");
  EXPECT_EQ(diagnose(warning + unknown_error + failed).proof, Proof::unknown);
}

// Rows with conditions: the kernel, the machine, another line of the log, the file that says it.
TEST(Diagnosis, Conditions) {
  const auto row = [](const char* conditions) {
    return parse_knowledge(
               std::string("[[cause]]\nid = \"a\"\ntitle = \"t\"\nstage = \"dump\"\nwhy = \"w\"\nsource = "
                           "[\"s\"]\ntexts = [\"a telling text\"]\n") +
                   conditions,
               "rows")
        .value();
  };
  const std::string versions =
      "(00.000001) Version: 4.0 (gitid 0)\n"
      "(00.000002) Running on h Linux 6.13.4 #1 SMP x86_64\n";
  const std::string error = "(00.000003) Error (criu/vdso.c:1): a telling text: Permission denied\n";
  const auto takes = [&](const char* conditions, const std::string& log) {
    return cg::diagnose(row(conditions), read_criu_log(log)).proof == Proof::cause;
  };
  EXPECT_TRUE(takes("kernel = \">=6.13\"", versions + error));
  EXPECT_FALSE(takes("kernel = \">=6.14\"", versions + error));
  EXPECT_FALSE(takes("kernel = \">=6.13\"", error));  // which kernel is not known
  EXPECT_TRUE(takes("criu = \"<4.1\"", versions + error));
  EXPECT_FALSE(takes("criu = \">=4.1\"", versions + error));
  EXPECT_TRUE(takes("machine = \"x86_64\"", versions + error));
  EXPECT_FALSE(takes("machine = \"aarch64\"", versions + error));
  EXPECT_TRUE(takes("place = [\"criu/vdso.c\"]", error));
  EXPECT_FALSE(takes("place = [\"criu/net.c\"]", error));
  EXPECT_TRUE(takes("errno = [\"Permission denied\"]", error));
  EXPECT_FALSE(takes("errno = [\"No such file or directory\"]", error));
  EXPECT_TRUE(takes("with = [\"overlay handle\"]", "(00.000001) an overlay handle of 7\n" + error));
  EXPECT_FALSE(takes("with = [\"overlay handle\"]", error));
  EXPECT_FALSE(takes("with = [\"a telling text\"]", error));  // in another line than the error itself
}

// A log that breaks off: its last line names the step that waits, and no other line does.
// criu kills what it restored when it fails: a killed task is a cause only where nothing failed before.
TEST(Diagnosis, AKilledTaskBehindAnErrorIsAConsequence) {
  const auto answer_to = [](const std::string& log) {
    const auto diagnosis = diagnose(log);
    return diagnosis.answer && diagnosis.answer->cause ? diagnosis.answer->cause->id : "";
  };
  const std::string killed = "Error (criu/cr-restore.c:1480): 57 killed by signal 9: Killed\n";
  EXPECT_EQ(answer_to(killed), "restore.killed-9");
  EXPECT_EQ(answer_to("Error (criu/files.c:1200): Unable to open fd=4 id=0x8\n" + killed), "");
  EXPECT_EQ(answer_to("Error (criu/net.c:1): something that is not known\n" + killed), "net.other");
}

// What people put around a line does not hide its errno.
TEST(Diagnosis, ErrnoBetweenQuotes) {
  for (const std::string end : {"", "**", "\"", "`", "\\n", "\\n\""})
    EXPECT_EQ(cause_of("Error (criu/cr-restore.c:1): mkdtemp failed x: Permission denied" + end + "\n"),
              "denied.any")
        << end;
}

TEST(Diagnosis, LastLine) {
  const std::string old = "(00.000001) Version: 3.17.1 (gitid 0)\n";
  EXPECT_EQ(cause_of(old + "(00.000002) Found task size of 7ffffffff000\n"), "hang.iptables-names");
  EXPECT_EQ(cause_of(old + "(00.000002) Found task size of 7ffffffff000\n(00.000003) more\n"), "");
  EXPECT_EQ(cause_of("(00.000001) Version: 4.2 (gitid 0)\n(00.000002) Found task size of 7ffffffff000\n"),
            "");
}

// Every text of the table, with something in its holes, between other words: found, and by its own cause.
TEST(Knowledge, RecognizesItsOwnTexts) {
  const auto filled = [](const LogText& text) {
    std::string line;
    for (const char c : text.text())
      line += c == '*' ? std::string("some/thing") : c == '#' ? std::string("42") : std::string(1, c);
    return line;
  };
  for (const auto& cause : knowledge().causes) {
    if (cause.criu.text() != "*" || cause.kernel.text() != "*" || !cause.machine.empty()) continue;
    CriuLog log;
    if (!cause.with.empty()) log.head.push_back({9, "", filled(cause.with[0]), "", ""});
    const std::string place = !cause.places.empty()      ? cause.places[0] + ":1"
                              : cause.stage == "wrapper" ? ""
                                                         : "criu/x.c:1";
    const std::string end = cause.errnos.empty() ? "" : ": " + cause.errnos[0];
    for (const auto& text : cause.texts) {
      log.lines = 1;
      const LogLine line{1, place, "prefix: " + filled(text) + end, "", ""};
      const auto found = recognize(knowledge(), log, line);
      ASSERT_TRUE(found.cause) << text.text();
      // A row with a place may be one that a special row of another file takes a text from.
      if (cause.places.empty()) {
        EXPECT_EQ(found.cause->id, cause.id) << text.text();
      }
    }
  }
}

// Holes in titles and remedies are filled by every text of their cause, and a source is a place, not a wish.
TEST(Knowledge, IsWellFormed) {
  const std::regex source(
      R"(v[0-9.]+:[A-Za-z0-9_/.-]+(:[0-9]+)?|(CRIU|OpenJ9|LXD|Moby|OSGi|OpenLiberty|podmigration-operator|Podman|runc|cuda-checkpoint) issue [0-9]+|(Podman|Moby|LXD|Kubernetes|Linux|runc): [a-z0-9_/.]+|[a-z_]+\([2357]\))");
  std::set<std::string> signs;
  for (const auto& cause : knowledge().causes) {
    for (const auto& from : cause.sources)
      EXPECT_TRUE(std::regex_match(from, source)) << cause.id << ": " << from;
    if (cause.role == Cause::Role::consequence || cause.role == Cause::Role::noise) continue;
    EXPECT_FALSE(cause.fix.empty()) << cause.id;
    EXPECT_TRUE(cause.sign.empty() || signs.insert(cause.sign).second) << cause.sign;
    std::string words = cause.title + cause.why;
    for (const auto& remedy : cause.fix) words += remedy.text;
    for (const auto& text : cause.texts) {
      const auto holes = std::ranges::count_if(text.text(), [](char c) { return c == '*' || c == '#'; });
      for (int hole = 9; hole > holes && hole > 0; --hole)
        EXPECT_FALSE(words.contains("{" + std::to_string(hole) + "}")) << cause.id << ": " << text.text();
    }
  }
}

TEST(Knowledge, NearestTexts) {
  const auto near = nearest_texts(knowledge(), "A session leader of task 7 is outside of its namespace");
  ASSERT_FALSE(near.empty());
  EXPECT_TRUE(near[0].contains("outside of its pid namespace"));
  EXPECT_TRUE(nearest_texts(knowledge(), "bind() to 0.0.0.0:80 failed").empty());
}

TEST(Knowledge, RefusesWhatIsNone) {
  for (const char* text :
       {"", "[[cause]]\nid = \"a\"",
        "[[cause]]\nid = \"a\"\ntitle = \"t\"\nstage = \"s\"\nwhy = \"w\"\nsource = [\"s\"]",
        "[[cause]]\nid = \"a\"\nrole = \"guess\"\ntexts = [\"long enough text\"]\nsource = [\"s\"]",
        "[[cause]]\nid = \"a\"\nrole = \"consequence\"\ntexts = [\"short\"]\nsource = [\"s\"]",
        "[[cause]]\nid = \"a\"\nrole = \"consequence\"\ntexts = [\"long enough text\"]"})
    EXPECT_FALSE(parse_knowledge(text, "knowledge")) << text;
}

TEST(FillHoles, Missing) {
  EXPECT_EQ(fill_holes("a {1} b {2} c {", {"x"}), "a x b … c {");
}

}  // namespace
}  // namespace cg

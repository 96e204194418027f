// Logs as streams, texts with holes, and the causes compiled in.
#include "criu/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "criu/versions.h"
#include "built_criu.h"

namespace cg {
namespace {

const Knowledge& knowledge() {
  static const Knowledge loaded = builtin_knowledge().value();
  return loaded;
}

std::string cause_of(std::string_view log) {
  const auto diagnosis = diagnose(knowledge(), read_criu_log(log));
  return diagnosis.causes.empty() ? "" : diagnosis.causes[0].cause->id;
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
  EXPECT_FALSE(log.finished);
  EXPECT_TRUE(read_criu_log("(00.5) x\n(00.500000) Dumping finished successfully\n").finished);
  EXPECT_TRUE(read_criu_log("").empty());
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
  EXPECT_EQ(cause_of("Error (criu/cr-dump.c:2098): Dumping FAILED."), "");
  EXPECT_TRUE(diagnose(knowledge(), read_criu_log("Error (criu/cr-dump.c:2098): Dumping FAILED.")).failed);
}

// Every text of the table, with something in its holes, between other words: found, and by its own cause.
TEST(Knowledge, RecognizesItsOwnTexts) {
  for (const auto& cause : knowledge().causes)
    for (const auto& text : cause.texts) {
      std::string line;
      for (const char c : text.text())
        line += c == '*' ? std::string("some/thing") : c == '#' ? std::string("42") : std::string(1, c);
      const auto found =
          recognize(knowledge(), {1, "criu/x.c:1", "prefix: " + line + ": No such file or directory"});
      ASSERT_TRUE(found) << text.text();
      EXPECT_EQ(found->cause->id, cause.id) << text.text();
    }
}

// Holes in titles and remedies are filled by every text of their cause, and a source is a place, not a wish.
TEST(Knowledge, IsWellFormed) {
  const std::regex source(
      R"(v[0-9.]+:[A-Za-z0-9_/.-]+(:[0-9]+)?|CRIU issue [0-9]+|getopt_long\(3\)|proc\(5\))");
  std::set<std::string> signs;
  for (const auto& cause : knowledge().causes) {
    for (const auto& from : cause.sources)
      EXPECT_TRUE(std::regex_match(from, source)) << cause.id << ": " << from;
    if (cause.role == Cause::Role::consequence) continue;
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

// The pieces of a text between its holes, those with enough letters to mean something.
std::vector<std::string> pieces_of(const std::string& text) {
  std::vector<std::string> pieces;
  std::string piece;
  for (const char c : text + "*") {
    if (c != '*' && c != '#') {
      piece += c;
      continue;
    }
    if (std::ranges::count_if(
            piece, [](char letter) { return std::isalpha(static_cast<unsigned char>(letter)); }) >= 4)
      pieces.push_back(piece);
    piece.clear();
  }
  return pieces;
}

// Each text stands in at least one of the programs, as CRIU's format strings have it.
TEST(Knowledge, TextsAreInThePrograms) {
  // Words that CRIU fills in at run time, and what a static build of it does not contain.
  const std::set<std::string> filled_in = {
      "Can't open self/pagemap on procfs",
      "Fail to make dir /tmp/.criu.move_mount_set_group.",
      "Fail to mount tmfps to /tmp/.criu.move_mount_set_group.",
      "sys/kernel/ns_last_pid sysctl is inaccessible",
      "Unable to interrupt task: # (Operation not permitted)",
      "Unable to interrupt task: # (No such process)",
      "FS mnt .* dev * root * unsupported id #",
      "execvp(\"*\", ...) failed: No such file or directory",
      "Failed to make mount # slave: Invalid argument",
      "Connected TCP socket, consider using --tcp-established option",
      "In-flight connections can be ignored with the --skip-in-flight option",
      "Can't get 1:16 opt: Operation not supported",
      "Can't get 1:34 opt: Operation not supported",
      "Can't fork for #: File exists",
      "Unexpected EOF on (empty-image)",
      "Unable to apply root mount options: Operation not permitted",
      "Can't open sys/kernel/ns_last_pid on procfs"};
  const std::set<std::string> not_built = {"get_task_size failed when initializing kerndat",
                                           "kerndat_iptables_has_xtlocks failed when initializing kerndat",
                                           "kerndat_has_nftables_concat failed when initializing kerndat",
                                           "Can't create nftables table",
                                           "CRIU does not currently support dumping BPF map type #",
                                           "Locking network failed using nftables"};
  std::vector<std::string> programs;
  for (const Version& criu : criu_versions().all)
    if (const auto file = built_criu(criu); !file.empty()) programs.push_back(read_file(file).value());
  if (programs.size() < criu_versions().all.size()) GTEST_SKIP() << "not every CRIU has been built here";
  for (const auto& cause : knowledge().causes)
    for (const auto& text : cause.texts) {
      if (filled_in.contains(text.text()) || not_built.contains(text.text())) continue;
      const auto pieces = pieces_of(text.text());
      EXPECT_TRUE(std::ranges::any_of(programs,
                                      [&](const std::string& program) {
                                        return std::ranges::all_of(pieces, [&](const std::string& piece) {
                                          return program.contains(piece);
                                        });
                                      }))
          << cause.id << ": " << text.text();
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

// The pieces of guest-checkpoint that decide without touching anything: commands, questions, images,
// archives.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "document.h"
#include "dump.h"
#include "hooks.h"
#include "json_schema.h"
#include "restore.h"
#include "stored/archive.h"
#include "stored/images.h"
#include "stored/record.h"
#include "target.h"
#include "temporary_directory.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

TEST(Target, OfACgroupIsTheOneRootInIt) {
  const auto parent = [](int pid) { return pid == 12 ? 11 : pid == 11 ? 10 : 1; };
  EXPECT_EQ(root_of({11, 12}, parent, "x").value(), 11);
  EXPECT_EQ(root_of({}, parent, "x").error().message, "x: no process is in it");
  const auto two = root_of({11, 12, 20}, parent, "x");
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().kind, ErrorKind::refused);
  EXPECT_TRUE(two.error().message.contains("11, 20")) << two.error().message;
  EXPECT_EQ(find_target({.pid = 1, .cgroup = "/x"}).error().kind, ErrorKind::usage);
  EXPECT_EQ(find_target({}).error().kind, ErrorKind::usage);
}

TEST(DumpCommands, APreDumpLiesInsideTheImagesOfTheDump) {
  DumpWords words;
  const Words options{"--track-mem", "--prev-images-dir", "pre-dump", "--freeze-cgroup", "/sys/fs/cgroup/x"};
  EXPECT_EQ(dump_commands(words, "criu", 7, {"--shell-job"}, "/d.tmp"),
            (std::vector<Words>{{"criu", "dump", "--tree", "7", "--images-dir", "/d.tmp", "-v4", "--log-file",
                                 "dump.log", "--shell-job"}}));
  words.pre_dump = true;
  const auto both = dump_commands(words, "criu", 7, options, "/d.tmp");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0][1], "pre-dump");
  EXPECT_EQ(both[0][5], "/d.tmp/pre-dump");
  EXPECT_EQ(both[0].back(), "/sys/fs/cgroup/x");
  EXPECT_EQ(both[1].back(), "/sys/fs/cgroup/x");
}

Record record() {
  Record one;
  one.target = "process 7";
  one.pid = 7;
  one.tasks = {7, 8};
  one.criu = "4.2.1";
  one.kernel = "6.12.1";
  one.created = "2026-11-28T12:00:00Z";
  one.restore = {"--root",       "ROOTFS",          "--inherit-fd", "fd[N]:pipe:[33]",
                 "--inherit-fd", "fd[N]:pipe:[44]", "--external",   "mnt[/data]:SOURCE"};
  one.descriptors = {{"pipe:[33]", 1}, {"pipe:[44]", 9}};
  return one;
}

TEST(Questions, AreAnsweredByMapsOrStandardStreamsOrNotAtAll) {
  const std::map<std::string, std::string> maps{{"pipe:[44]", "/dev/null"}, {"/data", "/srv"}};
  const auto good = answer_questions(record(), maps, "/ct");
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->options, (Words{"--root", "/ct", "--inherit-fd", "fd[0]:pipe:[33]", "--inherit-fd",
                                  "fd[0]:pipe:[44]", "--external", "mnt[/data]:/srv"}));
  EXPECT_EQ(good->open.at("pipe:[33]"), "1");
  EXPECT_EQ(good->open.at("pipe:[44]"), "/dev/null");
  for (const char* missing : {"pipe:[44]", "/data"}) {
    auto fewer = maps;
    fewer.erase(missing);
    const auto bad = answer_questions(record(), fewer, "/ct");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().kind, ErrorKind::refused);
    EXPECT_TRUE(bad.error().message.contains(missing)) << bad.error().message;
  }
  EXPECT_TRUE(answer_questions(record(), maps, "").error().message.contains("--root DIR"));
  auto more = maps;
  more["pipe:[45]"] = "/x";
  EXPECT_TRUE(answer_questions(record(), more, "/ct").error().message.contains("did you mean pipe:[44]"));
  EXPECT_EQ(parse_maps({"=x"}).error().kind, ErrorKind::usage);
}

TEST(Record, ComesBackAsItWasWritten) {
  const auto again = parse_record(to_json(record()), "r");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json(*again), to_json(record()));
  EXPECT_EQ(parse_record("{}", "r").error().kind, ErrorKind::refused);
  EXPECT_EQ(parse_record(R"({"schema": "criu-guest.checkpoint/1", "pid": "x"})", "r").error().kind,
            ErrorKind::refused);
}

TEST(Hooks, GetTheSceneAndTheirNoCounts) {
  const HookScene scene{"dump", "before", "/d", "process 7", 7, ""};
  EXPECT_EQ(hook_environment(scene).at("GUEST_CHECKPOINT_PID"), "7");
  EXPECT_TRUE(run_hook("", scene));
  EXPECT_TRUE(run_hook("true", scene));
  const auto no = run_hook("false", scene);
  ASSERT_FALSE(no);
  EXPECT_EQ(no.error().message, "--before false: exit status 1");
}

// A directory of images that look like CRIU's: magic numbers, records, fields.
std::string number(std::uint32_t value) {
  std::string bytes(4, 0);
  std::memcpy(bytes.data(), &value, 4);
  return bytes;
}
std::string field(int id, unsigned value) {
  std::string bytes(1, static_cast<char>(id << 3));
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string image(const std::vector<std::string>& records) {
  std::string bytes = number(0x54564319) + number(0x12345678);
  for (const auto& one : records) bytes += number(static_cast<std::uint32_t>(one.size())) + one;
  return bytes;
}

class Images : public ::testing::Test {
 protected:
  void SetUp() override {
    write("inventory.img", number(0x58313116) + number(2) + field(1, 1));
    write("pstree.img", image({field(1, 7) + field(5, 7) + field(5, 9), field(1, 8)}));
    for (const char* name :
         {"core-7.img", "core-9.img", "core-8.img", "mm-7.img", "ids-7.img", "fs-7.img", "files.img"})
      write(name, image({field(1, 1)}));
    write("pagemap-7.img",
          image({field(1, 1), field(1, 0) + field(2, 2) + field(4, 4), field(2, 1) + field(4, 1)}));
    write("pages-1.img", std::string(8192, 'x'));
  }
  void write(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(write_file_atomically(path() / name, bytes));
  }
  fs::path path() const { return directory_.path(); }
  Words flaws() const { return look_at_checkpoint(path()).value().flaws; }

  TemporaryDirectory directory_;
};

TEST_F(Images, AreWholeWithEveryFileThatTheTreeAsksFor) {
  const auto state = look_at_checkpoint(path()).value();
  EXPECT_EQ(state.flaws, Words{});
  EXPECT_EQ(state.pids, (std::vector<int>{7, 8}));  // 8 has nothing but its core: a zombie
  EXPECT_EQ(state.threads, 3U);
  EXPECT_EQ(state.pages, 8192U);
}

TEST_F(Images, AreNotWholeWithoutAnyOneOfThem) {
  for (const char* name : {"inventory.img", "pstree.img", "core-7.img", "core-9.img", "core-8.img",
                           "mm-7.img", "ids-7.img", "fs-7.img", "files.img", "pages-1.img"}) {
    const auto bytes = read_file(path() / name).value();
    fs::remove(path() / name);
    EXPECT_EQ(flaws(), Words{std::string(name) + ": missing"});
    write(name, bytes.substr(0, bytes.size() - 1));
    if (name != std::string("files.img")) {
      EXPECT_EQ(flaws().size(), 1U) << name << " is cut by a byte";
    }
    write(name, bytes);
  }
  EXPECT_EQ(flaws(), Words{});
}

TEST_F(Images, GoIntoAnArchiveAndComeBack) {
  auto one = record();
  write(record_name, to_json(one));
  fs::create_directories(path() / "pre-dump");
  write("pre-dump/pages-1.img", "abc");
  fs::create_symlink("pre-dump", path() / "parent");
  const TemporaryDirectory other;
  std::ostringstream out, err;
  std::istringstream in;
  Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
  for (const char* name : {"a.tar", "a.tar.zst", "a.tar.gz"}) {
    const auto file = (other.path() / name).string();
    const auto written = write_archive(path(), file, env);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(*written, fs::file_size(file));
    const fs::path back = other.path() / (std::string(name) + ".d");
    fs::create_directories(back);
    const auto unpacked = unpack_archive(file, back);
    ASSERT_TRUE(unpacked) << unpacked.error().message;
    EXPECT_EQ(look_at_checkpoint(back).value().flaws, Words{});
    EXPECT_EQ(to_json(*load_record(back).value()), to_json(one));
    EXPECT_EQ(read_file(back / "parent/pages-1.img").value(), "abc");
  }
  EXPECT_LT(fs::file_size(other.path() / "a.tar.zst"), fs::file_size(other.path() / "a.tar") / 2);
  ASSERT_TRUE(write_archive(path(), "-", env));
  EXPECT_EQ(out.str().size(), fs::file_size(other.path() / "a.tar"));
  EXPECT_TRUE(out.str().starts_with("config.dump"));
}

TEST_F(Images, AnArchiveOfSomethingElseIsRefused) {
  const TemporaryDirectory other;
  write("junk", "no archive\n");
  const auto bad = unpack_archive((path() / "junk").string(), other.path());
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().kind, ErrorKind::refused);
}

TEST(Documents, AreAsTheSchemaSays) {
  Document document;
  document.action = "dump";
  document.verdict = "failed";
  document.exit_status = 3;
  document.headline = "FAILED";
  document.target = "process 7";
  document.pid = 7;
  document.cause = "why";
  document.seconds = {{"total", 1.5}};
  document.bytes = {{"images", 3}};
  document.tasks = {7};
  document.commands = {{"dump", {"criu", "dump"}}};
  document.steps = {"a"};
  document.notes = {"n"};
  document.findings.emplace_back();
  EXPECT_EQ(violation_of(to_json(document), "guest-checkpoint.schema.json"), "") << to_json(document);
  EXPECT_EQ(violation_of(to_json(record()), "guest-checkpoint.schema.json"), "");
}

}  // namespace
}  // namespace cg::checkpoint

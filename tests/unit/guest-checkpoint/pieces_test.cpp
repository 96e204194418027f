// The pieces of guest-checkpoint that decide without touching anything: commands, questions, images,
// archives.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "answers.h"
#include "base/file.h"
#include "base/text.h"
#include "document.h"
#include "dump.h"
#include "hooks.h"
#include "json_schema.h"
#include "restore.h"
#include "restore_preflight.h"
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

// A pipe's end is given back as it was held; what a log held stays.
TEST(Answers, AreOpenedAsTheTasksHadThem) {
  Checkpoint images;
  images.files[1] = {.kind = FileKind::pipe, .id = 1, .object = 33, .flags = O_WRONLY};
  images.files[2] = {.kind = FileKind::pipe, .id = 2, .object = 44, .flags = O_RDONLY | O_NONBLOCK};
  images.files[3] = {.kind = FileKind::pipe, .id = 3, .object = 55, .flags = O_RDONLY};
  images.files[4] = {.kind = FileKind::pipe, .id = 4, .object = 55, .flags = O_WRONLY};
  EXPECT_EQ(access_of(images, "pipe:[33]"), O_WRONLY);
  EXPECT_EQ(access_of(images, "pipe:[44]"), O_RDONLY);
  EXPECT_EQ(access_of(images, "pipe:[55]"), O_RDWR);
  EXPECT_EQ(access_of(images, "pipe:[66]"), O_RDWR);

  const TemporaryDirectory directory;
  const fs::path log = directory.path() / "log", fifo = directory.path() / "fifo";
  for (const char* line : {"one\n", "two\n"}) {
    const auto fd = open_in_place_of(log.string(), O_WRONLY, "pipe:[33]");
    ASSERT_TRUE(fd) << fd.error().message;
    ASSERT_TRUE(write_all(fd->get(), line, "log"));
  }
  EXPECT_EQ(read_file(log).value(), "one\ntwo\n");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const auto end =
      open_in_place_of(fifo.string(), O_WRONLY, "pipe:[33]");  // nobody reads, and it does not wait
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(fcntl(end->get(), F_GETFL) & O_ACCMODE, O_WRONLY);
  EXPECT_FALSE(open_in_place_of((directory.path() / "none/log").string(), O_WRONLY, "pipe:[33]"));
  EXPECT_FALSE(open_in_place_of((directory.path() / "none").string(), O_RDONLY, "pipe:[44]"));
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

// Images that CRIU 4.2.1 wrote: of process 11659, its child 11661, and their memory.
class Images : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto archive = fs::path(CG_SOURCE_DIR) / "tests/unit/checkpoint/fixtures/criu-4.2.1.tar.gz";
    const auto done = unpack_archive(archive.string(), path());
    ASSERT_TRUE(done) << done.error().message;
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
  EXPECT_EQ(state.pids(), (std::vector<int>{11659, 11661}));
  EXPECT_GE(state.threads(), 2U);
  EXPECT_EQ(state.memory_bytes(),
            fs::file_size(path() / "pages-1.img") + fs::file_size(path() / "pages-2.img"));
}

TEST_F(Images, AreNotWholeWithoutAnyOneOfThem) {
  for (const char* name :
       {"inventory.img", "pstree.img", "core-11659.img", "core-11661.img", "mm-11661.img", "fs-11661.img",
        "files.img", "fdinfo-2.img", "pagemap-11659.img", "pages-1.img", "ghost-file-1.img"}) {
    const auto bytes = read_file(path() / name).value();
    fs::remove(path() / name);
    ASSERT_EQ(flaws().size(), 1U) << name << " is missing";
    EXPECT_TRUE(flaws().front().contains(name)) << flaws().front();
    write(name, bytes.substr(0, bytes.size() - 1));
    if (name != std::string("ghost-file-1.img")) {  // what the file held is not looked at
      EXPECT_EQ(flaws().size(), 1U) << name << " is cut by a byte";
    }
    write(name, bytes);
  }
  EXPECT_EQ(flaws(), Words{});
}

// Nothing of the machine that dumped them is here: the program and the directory of the tasks are not.
TEST_F(Images, OfAnotherMachineAreRefusedBeforeCriuIsAsked) {
  const auto images = look_at_checkpoint(path()).value();
  const auto against = what_stands_against(
      images.images, parse_version("4.2.1").value(),
      {"/usr/sbin/criu", "restore", "--images-dir", path().string(), "--restore-detached"}, {});
  ASSERT_TRUE(against) << against.error().message;
  Words ids;
  for (const auto& finding : *against) {
    ids.push_back(finding.id);
    EXPECT_EQ(finding.verdict, Verdict::fail) << finding.id;
  }
  EXPECT_TRUE(std::ranges::find(ids, "restore.file-missing") != ids.end()) << join(ids, " ");
}

TEST_F(Images, GoIntoAnArchiveAndComeBack) {
  auto one = record();
  write(record_name, to_json(one));
  fs::create_directories(path() / "pre-dump");
  fs::copy_file(path() / "inventory.img", path() / "pre-dump/inventory.img");
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

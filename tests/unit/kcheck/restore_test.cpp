// kcheck restore on the checkpoint that lies in the tree, against root file systems that nobody has booted.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "json_schema.h"
#include "scripted_tool.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path fixture(const std::string& name) {
  return fs::path(CG_SOURCE_DIR) / "tests/unit/checkpoint/fixtures" / name;
}

// The files as the dump saw them.
class Root {
 public:
  Root() {
    fs::create_directories(path() / "cg");
    for (const char* directory : {"", "cg"}) chmod((path() / directory).c_str(), 0755);
    fs::copy_file(fixture("task"), program());
    chmod(program().c_str(), 0755);
    std::ofstream(data()) << std::string(5000, '\0');
    chmod(data().c_str(), 0644);
    std::ofstream(path() / "cg/listen").flush();
    chmod((path() / "cg/listen").c_str(), 0644);
  }
  fs::path path() const { return directory_.path() / "root"; }
  fs::path program() const { return path() / "cg/task"; }
  fs::path data() const { return path() / "cg/data"; }
  // An ext4 image of them; "" where mke2fs is not here.
  std::string image() const {
    const std::string file = (directory_.path() / "root.img").string();
    fs::remove(file);
    const auto made =
        run({"mke2fs", "-q", "-t", "ext4", "-d", path().string(), "-E", "root_owner=0:0", file, "4M"});
    return made && made->status == 0 ? file : "";
  }

 private:
  TemporaryDirectory directory_;
};

// Offline, so that this machine's pids and ports do not count: an empty configuration says nothing of a
// kernel.
Json judged(const std::string& root, std::vector<std::string> more = {}, const std::string& criu = "4.2.1") {
  std::vector<std::string> words{"restore",  fixture("criu-4.2.1.tar.gz").string(),
                                 "--image",  root,
                                 "--config", fixture("quiet.config").string(),
                                 "--criu",   criu,
                                 "--format", "json"};
  words.insert(words.end(), more.begin(), more.end());
  const auto outcome = run_kcheck(words);
  EXPECT_EQ(violation_of(outcome.out, "kcheck.schema.json"), "") << outcome.err;
  return Json::parse(outcome.out, nullptr, false);
}

// Of the checkpoint and its files, without the kernel's.
std::string failing(const Json& report) {
  std::string ids;
  for (const Json& finding : report["subjects"][0]["findings"])
    if (finding["verdict"] == "FAIL" && finding["id"].get<std::string>().starts_with("restore."))
      ids += finding["id"].get<std::string>() + " ";
  return ids;
}

std::string seen_by(const Json& report, const std::string& id) {
  for (const Json& finding : report["subjects"][0]["findings"])
    if (finding["id"] == id) return finding.value("seen", "");
  return "";
}

TEST(KcheckRestore, TheRightRootPassesAndAReplacedFileIsNamed) {
  const Root root;
  for (const std::string& place : {root.path().string(), root.image()}) {
    if (place.empty()) continue;
    const Json report = judged(place);
    EXPECT_EQ(failing(report), "") << report.dump(1);
    EXPECT_EQ(report["subjects"][0]["commands"]["restore"][0], "criu");
    EXPECT_EQ(report["subjects"][0]["facts"]["files"], "8 compared with what the dump saw") << place;
  }
  // The same length, another build: one byte of the note.
  std::string bytes = read_file(root.program()).value();
  const auto note = bytes.find("GNU");
  ASSERT_NE(note, std::string::npos);
  bytes[note + 4] = static_cast<char>(bytes[note + 4] ^ 1);
  std::ofstream(root.program(), std::ios::binary | std::ios::trunc) << bytes;
  for (const std::string& place : {root.path().string(), root.image()}) {
    if (place.empty()) continue;
    const Json report = judged(place);
    EXPECT_EQ(failing(report), "restore.file-build-id ") << place;
    EXPECT_TRUE(seen_by(report, "restore.file-build-id").starts_with("/cg/task, ")) << place;
    EXPECT_EQ(report["exit_status"], 1);
    EXPECT_FALSE(report["subjects"][0].contains("commands"));
    EXPECT_EQ(failing(judged(
                  place, {"--", "criu", "restore", "--images-dir", "x", "--file-validation", "filesize"})),
              "");
  }
}

// READY is said of what was looked at.
TEST(KcheckRestore, AKernelThatNobodyNamedIsNotReady) {
  const Root root;
  const std::string image = root.image();
  if (image.empty()) GTEST_SKIP() << "mke2fs is not here";
  const auto words = [&](std::vector<std::string> more) {
    std::vector<std::string> all{"restore", fixture("criu-4.2.1.tar.gz").string(), "--image", image, "--criu",
                                 "4.2.1"};
    all.insert(all.end(), more.begin(), more.end());
    return run_kcheck(all).out;
  };
  const std::string first = words({}).substr(0, words({}).find('\n'));
  EXPECT_TRUE(first.starts_with("READY: ")) << first;
  EXPECT_TRUE(first.contains("which kernel is there was not said")) << first;
  EXPECT_FALSE(words({"--config", fixture("quiet.config").string()}).contains("was not said"));
}

TEST(KcheckRestore, FilesAreThereAndAsTheDumpSawThem) {
  const Root root;
  fs::resize_file(root.data(), 4999);
  EXPECT_EQ(failing(judged(root.path().string())), "restore.file-size ");
  fs::remove(root.data());
  const Json missing = judged(root.path().string());
  EXPECT_EQ(failing(missing), "restore.file-missing ");
  EXPECT_TRUE(seen_by(missing, "restore.file-missing").contains("fd 0 of process")) << missing.dump(1);
  fs::create_directory(root.data());
  EXPECT_EQ(failing(judged(root.path().string())), "restore.file-type ");
}

TEST(KcheckRestore, PermissionsAreClearedByAnOptionSince3_18) {
  const Root root;
  chmod(root.data().c_str(), 0600);
  const Json report = judged(root.path().string());
  EXPECT_EQ(failing(report), "");
  const Json command = report["subjects"][0]["commands"]["restore"];
  EXPECT_EQ(command.back(), "--skip-file-rwx-check");
  // Nor does it know how 4.2 counts pages.
  EXPECT_EQ(failing(judged(root.path().string(), {}, "3.17.1")), "restore.page-count restore.file-mode ");
}

TEST(KcheckRestore, LinksDoNotLeadOutOfTheRoot) {
  const Root root;
  fs::rename(root.data(), root.path() / "data");
  fs::create_symlink("/data", root.data());
  EXPECT_EQ(failing(judged(root.path().string())), "");
  fs::remove(root.data());
  fs::create_symlink("../../../../../../../../../../etc/passwd", root.data());
  EXPECT_EQ(failing(judged(root.path().string())), "restore.file-missing ");
}

TEST(KcheckRestore, CutAndMissingImagesAreFindings) {
  const Root root;
  const TemporaryDirectory directory;
  ASSERT_TRUE(run({"tar", "-C", directory.path().string(), "-xf", fixture("criu-4.2.1.tar.gz").string()}));
  const fs::path images = directory.path() / "checkpoint";
  for (const auto& entry : fs::directory_iterator(images)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("core-")) fs::remove(entry.path());
  }
  fs::resize_file(images / "files.img", fs::file_size(images / "files.img") - 3);
  const auto outcome = run_kcheck({"restore", images.string(), "--image", root.path().string(), "--config",
                                   fixture("quiet.config").string(), "--criu", "4.2.1", "--format", "json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(failing(Json::parse(outcome.out)), "restore.image-damaged restore.image-missing ") << outcome.out;
}

// What a program was built with says nothing of another version, nor does a program that is no criu.
TEST(KcheckRestore, TheProgramThatIsNamedIsTheOneThatIsJudged) {
  const TemporaryDirectory directory;
  const fs::path criu = directory.path() / "criu";
  std::ofstream(criu) << "#!/bin/sh\necho Version: 4.1.1\n";
  fs::permissions(criu, fs::perms::owner_all);
  const auto with = [&](const std::string& program, const std::string& version) {
    return run_kcheck({"restore", fixture("criu-4.2.1.tar.gz").string(), "--config",
                       fixture("quiet.config").string(), "--criu", version, "--criu-binary", program});
  };
  const auto other = with(criu.string(), "4.2.1");
  EXPECT_EQ(other.status, 2) << other.out;
  EXPECT_TRUE(other.err.contains("is CRIU 4.1.1, and 4.2.1 is to be judged")) << other.err;
  EXPECT_EQ(with(criu.string(), "4.1.1").status, 1) << "the images are of 4.2.1";
  EXPECT_EQ(with("/bin/true", "4.2.1").status, 3);
}

TEST(KcheckRestore, WhatIsNotSeenLeavesItOpen) {
  const auto outcome = run_kcheck({"restore", fixture("criu-4.2.1.tar.gz").string(), "--config",
                                   fixture("quiet.config").string(), "--criu", "4.2.1"});
  EXPECT_EQ(outcome.status, 3) << outcome.out;
  EXPECT_TRUE(outcome.out.contains("name it with --image")) << outcome.out;
  EXPECT_EQ(run_kcheck({"restore", fixture("task").string()}).status, 1);
  EXPECT_EQ(run_kcheck({"restore", "/nonexistent"}).status, 3);
}

}  // namespace
}  // namespace cg

// The images of each version that can be had here are read, and whatever is wrong with one is said with its
// file and the place in it.
#include "checkpoint/load.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/process.h"
#include "checkpoint/describe.h"
#include "temporary_directory.h"

namespace cg::checkpoint {
namespace {

namespace fs = std::filesystem;

fs::path fixture(const std::string& name) {
  return fs::path(CG_SOURCE_DIR) / "tests/unit/checkpoint/fixtures" / name;
}

class Unpacked {
 public:
  explicit Unpacked(const std::string& name) {
    const auto done = run({"tar", "-C", directory_.path().string(), "-xf", fixture(name).string()});
    EXPECT_TRUE(done && done->status == 0);
  }
  fs::path images() const { return directory_.path() / "checkpoint"; }
  fs::path top() const { return directory_.path(); }
  fs::path one(const std::string& beginning) const {
    for (const auto& entry : fs::directory_iterator(images()))
      if (entry.path().filename().string().starts_with(beginning)) return entry.path();
    ADD_FAILURE() << beginning;
    return {};
  }

 private:
  TemporaryDirectory directory_;
};

class Versions : public ::testing::TestWithParam<const char*> {};

TEST_P(Versions, AreRead) {
  const std::string version = GetParam();
  const auto read = load(fixture("criu-" + version + ".tar.gz"));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->problems.empty()) << read->problems.front().what;
  EXPECT_EQ(read->criu, version);
  EXPECT_EQ(read->architecture(), "x86_64");
  ASSERT_EQ(read->tasks.size(), 2U);
  const Task& root = read->root();
  EXPECT_EQ(root.name, "task");
  EXPECT_EQ(root.session, root.pid);
  EXPECT_EQ(read->tasks[1].parent, root.pid);
  EXPECT_GT(root.pages.stored, 0U);
  EXPECT_FALSE(read->own(&Objects::mount));
  ASSERT_TRUE(root.program);
  const RegularFile* program = read->regular(*root.program);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->path, "/cg/task");
  EXPECT_EQ(program->size, fs::file_size(fixture("task")));
  // Since 4.2 pages are counted in another field.
  EXPECT_EQ(read->root().pages.wide, version == "4.2.1" || version == "4.3");
  EXPECT_EQ(program->mode, 0100755U);
  EXPECT_EQ(program->build_id.size(), 40U);
  EXPECT_TRUE(std::ranges::any_of(root.mappings, [&](const Mapping& mapping) {
    const RegularFile* file =
        mapping.is_file() ? read->regular(static_cast<std::uint32_t>(mapping.object)) : nullptr;
    return file && file->path == "/cg/data" && file->size == 5000U;
  }));
  ASSERT_EQ(read->remaps.size(), 1U);
  EXPECT_EQ(read->remaps[0].kind, Remap::Kind::ghost);
  EXPECT_EQ(read->ghosts.at(read->remaps[0].other).mode & 0777U, 0600U);
  std::vector<std::string> sockets;
  for (const auto& [id, file] : read->files)
    if (file.internet || file.local) sockets.push_back(describe(*read, file));
  const std::ptrdiff_t listening =
      version == "4.1.1" ? 0 : 1;  // it cannot dump that one on the kernel it ran on
  EXPECT_EQ(std::ranges::count(sockets, "tcp 127.0.0.1:5929 listening"), listening);
  EXPECT_EQ(std::ranges::count(sockets, "stream"), 2);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Versions, ::testing::Values("3.17.1", "3.19", "4.1.1", "4.2.1", "4.3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase(name, '.');
                           return name;
                         });

TEST(Checkpoint, OfADirectoryIsThatOfItsArchive) {
  const Unpacked unpacked("criu-4.2.1.tar.gz");
  const auto archive = load(fixture("criu-4.2.1.tar.gz")).value();
  for (const auto& place : {unpacked.images(), unpacked.top()}) {
    const auto directory = load(place);
    ASSERT_TRUE(directory) << directory.error().message;
    EXPECT_EQ(directory->image_sizes, archive.image_sizes);
    EXPECT_EQ(directory->files.size(), archive.files.size());
    EXPECT_EQ(directory->tasks.size(), archive.tasks.size());
  }
}

TEST(Checkpoint, CutAnywhereIsSaidWithFileAndOffset) {
  for (const char* image : {"files.img", "pstree.img", "inventory.img", "core-", "mm-", "fdinfo-", "fs-",
                            "ids-", "pagemap-", "remap-fpath.img", "ghost-file-"}) {
    const Unpacked unpacked("criu-4.2.1.tar.gz");
    const fs::path file = unpacked.one(image);
    const std::string whole = read_file(file).value();
    std::size_t said = 0;
    std::size_t tried = 0;
    // Each byte of the heads and the first records; then some.
    for (std::size_t length = 0; length < whole.size(); length += length < 64 ? 1 : 17) {
      ++tried;
      std::ofstream(file, std::ios::binary | std::ios::trunc) << whole.substr(0, length);
      const auto read = load(unpacked.images());
      std::string message = read ? "" : read.error().message;
      if (read && !read->problems.empty()) message = read->problems.front().what;
      // Where a record ends, an image can end: others tell that something is missing, or nobody.
      if (message.empty()) continue;
      ++said;
      EXPECT_TRUE(message.contains(file.filename().string()) || message.contains("pstree")) << message;
      EXPECT_TRUE(message.contains(": at byte ") || message.contains("not there") ||
                  message.contains("no process"))
          << message;
    }
    EXPECT_GE(said + 16, tried) << image;
    EXPECT_GE(said, std::min<std::size_t>(tried, 12)) << image;
  }
}

TEST(Checkpoint, MissingImagesAreNamed) {
  for (const char* image :
       {"core-", "mm-", "fs-", "ids-", "fdinfo-", "pagemap-", "pages-", "files.img", "ghost-file-"}) {
    const Unpacked unpacked("criu-4.2.1.tar.gz");
    const fs::path file = unpacked.one(image);
    fs::remove(file);
    const auto read = load(unpacked.images());
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(std::ranges::any_of(read->problems, [&](const Problem& problem) {
      return problem.kind == Problem::Kind::missing && problem.file == file.filename();
    })) << image;
  }
}

TEST(Checkpoint, CutPagesAreNamedWithoutBeingRead) {
  const Unpacked unpacked("criu-4.2.1.tar.gz");
  const fs::path pages = unpacked.one("pages-");
  fs::resize_file(pages, fs::file_size(pages) - 1);
  const auto read = load(unpacked.images()).value();
  ASSERT_EQ(read.problems.size(), 1U);
  EXPECT_EQ(read.problems[0].kind, Problem::Kind::damaged);
  EXPECT_TRUE(read.problems[0].what.contains("cut short")) << read.problems[0].what;
}

TEST(Checkpoint, OfSomethingElseIsRefused) {
  const TemporaryDirectory empty;
  EXPECT_TRUE(load(empty.path()).error().message.contains("no inventory.img"));
  EXPECT_TRUE(load(fixture("task")).error().message.contains("no archive"));
  EXPECT_EQ(load(empty.path() / "nothing").error().kind, ErrorKind::cannot);
  const Unpacked unpacked("criu-4.2.1.tar.gz");
  fs::copy_file(unpacked.images() / "files.img", unpacked.images() / "pstree.img",
                fs::copy_options::overwrite_existing);
  const auto other = load(unpacked.images());
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().message.contains("0x56303138")) << other.error().message;
}

TEST(Checkpoint, NamesDoNotCommandATerminal) {
  EXPECT_EQ(shown("a\x1b[2Jb\n\xff"), "a\\x1b[2Jb\\x0a\\xff");
  EXPECT_EQ(shown("gr\xc3\xbc\xc3\x9f\xc2\x9b"), "gr\xc3\xbc\xc3\x9f\\xc2\\x9b");
}

}  // namespace
}  // namespace cg::checkpoint

// The same input gives the same bytes: whoever makes the image, where, when, with which umask, time zone and
// locale, and in whatever order a file system hands out names. A block of zeros is a hole, however it was
// written.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <fstream>

#include "base/file.h"
#include "base/process.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

// Half of them on a tmpfs, where there is one.
class SharedMemory {
 public:
  SharedMemory() {
    std::string pattern = "/dev/shm/criu-guest-test.XXXXXX";
    if (mkdtemp(pattern.data())) path_ = pattern;
  }
  ~SharedMemory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string content(std::size_t i) {
  std::string bytes(3 * 4096 + i * 700, static_cast<char>('a' + i % 26));
  bytes.replace(4096, 4096, std::string(4096, '\0'));
  return bytes;
}

enum class Order { forwards, backwards };
enum class Zeros { written, holes };

void make_tree(const fs::path& top, Order order, Zeros zeros) {
  std::vector<std::size_t> numbers(60);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  if (order == Order::backwards) std::ranges::reverse(numbers);
  for (const std::size_t i : numbers) {
    const fs::path directory = top / ("d" + std::to_string(i % 7));
    fs::create_directories(directory);
    const fs::path file = directory / ("file" + std::to_string(i * 7919 % 1000));
    const std::string bytes = content(i);
    const UniqueFd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    const auto put = [&](std::size_t from, std::size_t count) {
      ASSERT_EQ(pwrite(fd.get(), bytes.data() + from, count, static_cast<off_t>(from)),
                static_cast<ssize_t>(count));
    };
    put(0, 4096);
    if (zeros == Zeros::written) put(4096, 4096);
    put(8192, bytes.size() - 8192);
    fchmod(fd.get(), i % 3 ? 0644 : 0755);
    fs::create_symlink(file.filename(), directory / ("link" + std::to_string(i)));
    if (i % 5 == 0) fs::create_hard_link(file, directory / ("other" + std::to_string(i)));
  }
  // Times last: what was made in a directory has changed its own.
  std::vector<fs::path> all{top};
  for (const auto& entry : fs::recursive_directory_iterator(top)) all.push_back(entry.path());
  for (const auto& path : all) {
    const timespec time{1700000000, 5};
    const timespec both[2] = {time, time};
    utimensat(AT_FDCWD, path.c_str(), both, AT_SYMLINK_NOFOLLOW);
    if (!fs::is_symlink(path) && fs::is_directory(path)) fs::permissions(path, fs::perms{0755});
  }
}

class Reproducible : public ImageCase, public testing::WithParamInterface<std::vector<std::string>> {
 protected:
  // In another process, which has another directory, umask, time zone and locale.
  static int elsewhere(const fs::path& directory, const std::vector<std::string>& args) {
    const pid_t child = fork();
    if (child == 0) {
      umask(077);
      setenv("TZ", "Asia/Kathmandu", 1);
      for (const char* locale : {"de_DE.UTF-8", "C.UTF-8", "POSIX"})
        if (setenv("LC_ALL", locale, 1) == 0 && std::setlocale(LC_ALL, "")) break;
      if (chdir(directory.c_str()) != 0) _exit(125);
      const auto outcome = rootfs_builder(args);
      if (outcome.status != 0) (void)!write(STDERR_FILENO, outcome.err.data(), outcome.err.size());
      _exit(outcome.status);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }
  std::vector<std::string> with_form(std::vector<std::string> args) const {
    args.insert(args.end(), GetParam().begin(), GetParam().end());
    return args;
  }
};

TEST_P(Reproducible, ADirectoryWhateverItsOrder) {
  const SharedMemory memory;
  if (memory.path().empty()) GTEST_SKIP() << "no tmpfs at /dev/shm";
  make_tree(path("tree"), Order::forwards, Zeros::written);
  make_tree(memory.path() / "tree", Order::backwards, Zeros::holes);
  const auto here = rootfs_builder(with_form({"create", "--from", text("tree"), "-o", text("one.img")}));
  ASSERT_EQ(here.status, 0) << here.err;
  ASSERT_EQ(elsewhere(memory.path(), with_form({"create", "--from", "tree", "-o", "two.img"})), 0);
  EXPECT_TRUE(bytes_of(path("one.img")) == bytes_of(memory.path() / "two.img"));

  // And the same edits of both.
  std::ofstream(path("new")) << std::string(9000, 'n');
  fs::copy_file(path("new"), memory.path() / "new");
  for (const auto& file : {path("new"), memory.path() / "new"})
    fs::last_write_time(file, fs::file_time_type::clock::from_sys(
                                  std::chrono::sys_seconds(std::chrono::seconds(1700000001))));
  ASSERT_EQ(rootfs_builder({"inject", text("one.img"), text("new") + ":/sbin/new:755"}).status, 0);
  ASSERT_EQ(elsewhere(memory.path(), {"inject", "two.img", "new:/sbin/new:755", "--in-place"}), 0);
  EXPECT_TRUE(bytes_of(path("one.img")) == bytes_of(memory.path() / "two.img"));
}

INSTANTIATE_TEST_SUITE_P(Forms, Reproducible,
                         testing::Values(std::vector<std::string>{"--form", "ext4"},
                                         std::vector<std::string>{"--form", "gpt", "--verity"},
                                         std::vector<std::string>{"--form", "kata-dax", "--verity"}),
                         [](const auto& info) {
                           std::string name = info.param[1];
                           std::erase(name, '-');
                           return name;
                         });

class Holes : public ImageCase {};

TEST_F(Holes, ABlockOfZerosIsAHoleWhereverItComesFrom) {
  NEEDS_PROGRAM("debugfs");
  fs::create_directories(path("tree"));
  const std::string bytes = content(0);
  std::ofstream(path("tree/file")) << bytes;
  write_tar_file(path("input.tar"), {{.path = "file", .content = bytes}});
  for (const char* from : {"tree", "input.tar"}) {
    ASSERT_EQ(rootfs_builder({"create", "--from", text(from), "-o", text("image.img")}).status, 0);
    ASSERT_EQ(rootfs_builder({"inject", text("image.img"), text("tree/file") + ":/injected"}).status, 0);
    EXPECT_TRUE(is_clean(path("image.img")));
    for (const char* file : {"/file", "/injected"}) {
      const std::string found = debugfs(path("image.img"), std::string("stat ") + file);
      EXPECT_TRUE(found.contains("(0):") && found.contains("(2):") && !found.contains("(1):")) << found;
    }
  }
}

}  // namespace
}  // namespace cg

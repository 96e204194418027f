// Hostile inputs by the hundred, each given to the commands as a process of its own that may use 512 MiB and
// ten seconds of a processor: none hangs, dies of a signal, or leaves a file; what fails changes nothing. 40
// inputs, and 400 with CG_CHECK_LONG. CG_HOSTILE=NUMBER tries that one alone and keeps it.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "base/process.h"
#include "base/sha256.h"
#include "hostile/random/input.h"
#include "image/support/image_case.h"

namespace cg {
namespace {

namespace fs = std::filesystem;
using hostile::Input;
using hostile::Kind;

class RandomInputs : public ImageCase {
 protected:
  void SetUp() override {
    NEEDS_PROGRAM("e2fsck");
    NEEDS_PROGRAM("prlimit");
    NEEDS_PROGRAM("mkfs.erofs");
    for (const char* directory : {"tree/etc", "tree/d/e/f", "tmp", "in", "out"})
      fs::create_directories(path(directory));
    std::ofstream(path("tree/etc/passwd")) << "root:x:0:0::/:/bin/sh\n";
    std::ofstream(path("tree/d/file")) << std::string(20'000, 'f');
    std::ofstream(path("tree/d/e/small")) << "small";
    fs::create_symlink("d/file", path("tree/link"));
    fs::create_symlink(std::string(200, 't'), path("tree/long-link"));
    fs::create_hard_link(path("tree/d/file"), path("tree/hard"));
    std::ofstream(path("new")) << std::string(5000, 'n');
    for (const char* form : {"ext4", "gpt", "kata-dax", "initrd", "erofs"}) {
      std::vector<std::string> args = {"create", "--from", text("tree"), "-o", text("seed"), "--form", form};
      if (std::string_view(form) == "initrd") args.insert(args.end(), {"--compress", "none"});
      const auto made = rootfs_builder(args);
      ASSERT_EQ(made.status, 0) << form << made.err;
      seeds_[form] = bytes_of(path("seed"));
      fs::remove(path("seed"));
    }
  }

  void write(const Input& input) {
    fs::remove_all(path("in"));
    fs::create_directories(path("in"));
    if (input.files.empty()) std::ofstream(path("in/input"), std::ios::binary) << input.bytes;
    for (const auto& [name, bytes] : input.files) {
      fs::create_directories(path("in/input/" + name).parent_path());
      std::ofstream(path("in/input/" + name), std::ios::binary) << bytes;
    }
  }
  // Every name below, and a file's sum.
  std::string state_of(const char* directory) {
    std::string all;
    for (const auto& entry : fs::recursive_directory_iterator(path(directory)))
      all += entry.path().string() +
             (entry.is_regular_file() ? sha256_file(entry.path()).value_or("?") : "") + "\n";
    return all;
  }

  enum class May { read, edit };
  // The tool's words, and its status when it ended as it should.
  int run_tool(const char* tool, std::vector<std::string> args, May may) {
    const std::string before = state_of("in");
    std::vector<std::string> argv = {"prlimit",  "--as=536870912", "--data=536870912",
                                     "--cpu=10", "--core=0",       CG_BINARY_DIR "/bin/" + std::string(tool)};
    argv.insert(argv.end(), args.begin(), args.end());
    const auto done =
        run(argv, {.set_variables = {{"TMPDIR", text("tmp")}}, .timeout = std::chrono::seconds(120)});
    const std::string call = fmt::format("{} {}", tool, join_words(args));
    if (!done) {
      ADD_FAILURE() << call << ": " << done.error().message;
      return -1;
    }
    EXPECT_FALSE(done->timed_out) << call;
    EXPECT_TRUE(done->status == 0 || done->status == 1 || done->status == 3)
        << call << ": status " << done->status << " " << done->err;
    EXPECT_FALSE(done->err.contains("out of memory") || done->err.contains("Cannot allocate"))
        << call << ": " << done->err;
    EXPECT_FALSE(done->err.contains("\x1b")) << call << ": " << done->err;
    if (done->status != 0) {
      EXPECT_FALSE(done->err.empty() && done->out.empty()) << call;
      EXPECT_EQ(names_in(path("out")), std::vector<std::string>{}) << call;
    }
    if (may == May::read || done->status != 0) {
      EXPECT_EQ(state_of("in"), before) << call;
    }
    EXPECT_EQ(names_in(path("in")), std::vector<std::string>{"input"}) << call;
    EXPECT_EQ(names_in(path("tmp")), std::vector<std::string>{}) << call;
    return done->status;
  }
  static std::string join_words(const std::vector<std::string>& words) {
    std::string all;
    for (const auto& word : words) all += word + " ";
    return all;
  }
  void clear_output() {
    fs::remove_all(path("out"));
    fs::create_directories(path("out"));
  }

  void try_source() {
    for (const char* form : {"ext4", "erofs"}) {
      const int status = run_tool(
          "rootfs-builder", {"create", "--from", text("in/input"), "-o", text("out/image"), "--form", form},
          May::read);
      if (status == 0 && std::string_view(form) == "ext4") {
        EXPECT_TRUE(is_clean(path("out/image")));
        EXPECT_EQ(names_in(path("out")), std::vector<std::string>{"image"});
        const std::string image = text("made");
        fs::rename(path("out/image"), image);
        run_tool("rootfs-builder", {"verify", image}, May::read);
        run_tool("kcheck", {"image", image}, May::read);
        run_tool("rootfs-builder", {"extract", image, "-o", text("out/tree")}, May::read);
        fs::remove(image);
      }
      clear_output();
    }
  }

  void try_image(const Input& input) {
    const std::string image = text("in/input");
    const std::string put = text("new") + ":/d/new";
    for (const auto& args : {std::vector<std::string>{"ls", "-R", image},
                             {"inspect", image},
                             {"verify", image},
                             {"extract", image, "-o", text("out/tar.tar")},
                             {"extract", image, "-o", text("out/tree")},
                             {"convert", image, "-o", text("out/image")},
                             {"convert", image, "--form", "initrd", "-o", text("out/initrd")}}) {
      run_tool("rootfs-builder", args, May::read);
      clear_output();
    }
    run_tool("kcheck", {"image", image}, May::read);
    for (const auto& args : {std::vector<std::string>{"inject", image, put},
                             {"inject", image, put, "--in-place"},
                             {"inject", image, put, "--grow"},
                             {"remove", "-r", image, "/d"}}) {
      run_tool("rootfs-builder", args, May::edit);
      write(input);
    }
  }

  hostile::Seeds seeds_;
};

TEST_F(RandomInputs, CostNoMoreThanTheyMay) {
  const char* const asked = std::getenv("CG_CHECK_LONG");
  const char* const one = std::getenv("CG_HOSTILE");
  const bool all = asked && *asked;
  const unsigned inputs = all ? 400 : 40;
  for (unsigned i = 0; i < inputs; ++i) {
    // The short run has every kind, and half of the bombs.
    const auto number = one              ? static_cast<unsigned>(std::stoul(one))
                        : all || i >= 11 ? i + (all ? 0 : 11)
                                         : 2 * i;
    const Input input = hostile::make_input(number, seeds_);
    SCOPED_TRACE(fmt::format("input {}: {}", number, input.what));
    write(input);
    if (one) fs::copy(path("in"), fmt::format("hostile-{}", number), fs::copy_options::recursive);
    if (input.kind == Kind::source)
      try_source();
    else
      try_image(input);
    if (one) break;
  }
}

}  // namespace
}  // namespace cg

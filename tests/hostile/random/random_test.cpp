// Hostile input that nobody thought of: each seed draws one input, and every command that reads such input is
// run on it under a limit of time and memory. `CG_RANDOM_SEED=KIND:N` draws that one alone,
// `CG_RANDOM_KEEP=DIR` keeps what failed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "image/support/image_case.h"
#include "inputs.h"
#include "limited.h"
#include "temporary_directory.h"

namespace cg::random_input {
namespace {

namespace fs = std::filesystem;

struct Kind {
  const char* name;
  Input (*draw)(Lot& lot, const fs::path& into);
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}
constexpr int parts = 5;  // of the seeds of a kind, which run beside each other
const Kind kinds[] = {{"Tar", random_tar},       {"Layers", random_layers}, {"Container", random_container},
                      {"Disk", random_disk},     {"Ext", random_ext},       {"Erofs", random_erofs},
                      {"Initrd", random_initrd}, {"Loader", random_loader}};

// One input, and what is done to it. Nothing but what a command says it makes may be beside the input
// afterwards.
class Trial {
 public:
  Trial(fs::path directory, Lot& lot) : directory_(std::move(directory)), lot_(lot) {
    write(directory_ / "file", "what is put in\n");
  }

  void create(const fs::path& input) {
    std::vector<std::string> words = {"create", "--from", input.string(), "-o", text("made.img")};
    const std::string form = lot_.of({"ext4", "ext4", "ext4", "kata", "initrd", "gpt", "erofs"});
    words.insert(words.end(), {"--form", form});
    if (form == "ext4" && lot_.one_in(3)) words.insert(words.end(), {"--journal", "none"});
    if (lot_.one_in(4)) words.insert(words.end(), {"--from", input.string()});
    if (!makes(words, "made.img")) return;
    if (form == "ext4") {
      EXPECT_TRUE(is_clean(directory_ / "made.img"));
    }
    if (form == "kata" || form == "gpt") {
      EXPECT_TRUE(is_clean(directory_ / "made.img", 1 << 20));
    }
    look_at("made.img", Ours::yes);
    if (form == "ext4") edit("made.img");
    fs::remove(directory_ / "made.img");
  }

  void use(const fs::path& image) {
    const std::string name = image.filename().string();
    look_at(name, Ours::no);
    edit(name);
  }

 private:
  enum class Ours { no, yes };

  std::string text(const std::string& name) const { return (directory_ / name).string(); }
  ProcessResult rootfs_builder(std::vector<std::string> words) {
    words.insert(words.begin(), std::string(CG_BINARY_DIR) + "/bin/rootfs-builder");
    return call(std::move(words));
  }
  ProcessResult call(std::vector<std::string> words) {
    auto ended = run_limited(words);
    std::string shown;
    for (const auto& word : words) shown += " " + word;
    EXPECT_EQ(ended.why_not, "") << shown << "\n" << ended.result.err.substr(0, 2000);
    return std::move(ended.result);
  }
  // Something new is there exactly when the command said so.
  bool makes(std::vector<std::string> words, const std::string& output) {
    auto before = names_in(directory_);
    const auto result = rootfs_builder(words);
    if (result.status == 0) before.push_back(output);
    std::ranges::sort(before);
    EXPECT_EQ(names_in(directory_), before) << words[0] << ": " << result.err;
    return result.status == 0;
  }
  void look_at(const std::string& name, Ours ours) {
    const std::string image = text(name);
    const std::string before = bytes_of(image);
    const auto names = names_in(directory_);
    const auto listed = rootfs_builder({"ls", "-R", image});
    if (ours == Ours::yes) {
      EXPECT_EQ(listed.status, 0) << listed.err;
    }
    (void)rootfs_builder({"inspect", image});
    (void)rootfs_builder({"verify", image});
    (void)rootfs_builder({"--format", "json", "ls", image, "/etc"});
    (void)rootfs_builder({"cat", image, "/etc/passwd"});
    (void)rootfs_builder({"diff", image, image});
    (void)rootfs_builder({"diff", "--files", image, image});
    (void)call({std::string(CG_BINARY_DIR) + "/bin/kcheck", "image", image});
    EXPECT_EQ(names_in(directory_), names);
    if (makes({"extract", image, "-o", text("out")}, "out")) fs::remove_all(directory_ / "out");
    if (makes({"extract", image, "-o", text("out.tar")}, "out.tar")) fs::remove(directory_ / "out.tar");
    const std::string form = lot_.of({"ext4", "kata", "initrd", "erofs"});
    if (makes({"convert", image, "--form", form, "-o", text("other.img")}, "other.img")) {
      if (form == "ext4") {
        EXPECT_TRUE(is_clean(directory_ / "other.img"));
      }
      fs::remove(directory_ / "other.img");
    }
    EXPECT_TRUE(bytes_of(image) == before) << "a look changed " << image;
  }
  void edit(const std::string& name) {
    const std::string image = text(name);
    const auto names = names_in(directory_);
    const bool was_clean = is_clean(image);
    for (std::vector<std::string> words :
         std::vector<std::vector<std::string>>{{"inject", image, text("file") + ":/etc/new"},
                                               {"inject", "--in-place", image, text("file") + ":/etc/other"},
                                               {"inject", "--grow", image, text("file") + ":/l1/new"},
                                               {"mkdir", image, "/deep/a/b/c/new/dir"},
                                               {"symlink", image, "target", "/many/link"},
                                               {"chmod", image, "600", "/etc"},
                                               {"remove", "-r", image, "/deep"},
                                               {"remove", "-r", "--in-place", image, "/many"},
                                               {"remove", "-r", "--repack", image, "/etc"}}) {
      const std::string before = bytes_of(image);
      const auto result = rootfs_builder(words);
      if (result.status != 0) {
        EXPECT_TRUE(bytes_of(image) == before) << words[0] << " failed and changed the image";
      }
      EXPECT_EQ(names_in(directory_), names) << words[0];
      if (result.status == 0 && was_clean) {
        EXPECT_TRUE(is_clean(image)) << words[0];
      }
    }
  }

  fs::path directory_;
  Lot& lot_;
};

class RandomInput : public testing::TestWithParam<std::tuple<Kind, int>> {
 protected:
  void SetUp() override {
    for (const char* program : {"e2fsck", "mke2fs", "debugfs", "mkfs.erofs", "prlimit"})
      if (!find_program(program)) GTEST_SKIP() << program << " is not installed";
  }
  void try_seed(std::uint64_t seed) {
    const Kind& kind = std::get<Kind>(GetParam());
    SCOPED_TRACE(fmt::format("CG_RANDOM_SEED={}:{}", kind.name, seed));
    const TemporaryDirectory directory;
    Lot lot(seed);
    const Input input = kind.draw(lot, directory.path());
    if (const char* const keep = std::getenv("CG_RANDOM_KEEP"))
      fs::copy(input.path, fs::path(keep) / fmt::format("{}-{}", kind.name, seed),
               fs::copy_options::recursive | fs::copy_options::copy_symlinks |
                   fs::copy_options::overwrite_existing);
    Trial trial(directory.path(), lot);
    if (input.use == Use::from)
      trial.create(input.path);
    else
      trial.use(input.path);
  }
};

TEST_P(RandomInput, BreaksNothing) {
  const char* const only = std::getenv("CG_RANDOM_SEED");
  const std::string word = only ? only : "";
  const std::string mine = std::string(std::get<Kind>(GetParam()).name) + ":";
  if (!word.empty()) {
    if (!word.starts_with(mine) || std::get<int>(GetParam()) != 0) GTEST_SKIP() << "others are asked for";
    const std::string range = word.substr(mine.size());
    const std::uint64_t first = std::stoull(range);
    const std::uint64_t last = range.contains('-') ? std::stoull(range.substr(range.find('-') + 1)) : first;
    for (std::uint64_t seed = first; seed <= last; ++seed) try_seed(seed);
    return;
  }
  const std::uint64_t seeds = std::getenv("CG_CHECK_LONG") ? 10 : 1;  // of each part
  const auto part = static_cast<std::uint64_t>(std::get<int>(GetParam()));
  for (std::uint64_t i = 0; i < seeds; ++i) try_seed(1 + part + parts * i);
}

INSTANTIATE_TEST_SUITE_P(Kinds, RandomInput,
                         testing::Combine(testing::ValuesIn(kinds), testing::Range(0, parts)),
                         [](const auto& info) {
                           return std::get<Kind>(info.param).name + std::to_string(std::get<int>(info.param));
                         });

}  // namespace
}  // namespace cg::random_input

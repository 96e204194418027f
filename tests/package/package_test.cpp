// The Debian package of `make package`: installed in clean roots of Debian, used there, and taken away again.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <set>

#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const fs::path house = CG_SOURCE_DIR;
constexpr auto limit = std::chrono::minutes(20);

// Made once, with the variables of `make package`; CG_PACKAGE names one that is there already.
const fs::path& package() {
  static const TemporaryDirectory place;
  static const fs::path made = [] {
    if (const char* ready = std::getenv("CG_PACKAGE")) return fs::path(ready);
    const auto result =
        run({(house / "scripts/package.sh").string()},
            {.set_variables = {{"BUILD", CG_BINARY_DIR}, {"OUT", place.path().string()}}, .timeout = limit});
    EXPECT_TRUE(result && result->status == 0)
        << (result ? result->out + result->err : result.error().message);
    for (const auto& entry : fs::directory_iterator(place.path() / "packages")) return entry.path();
    return fs::path();
  }();
  return made;
}

std::string field(const char* name) {
  const auto result = run({"dpkg-deb", "-f", package().string(), name});
  return result && result->status == 0 ? std::string(trim(result->out)) : "";
}

// Of what this machine's own apt knows, the archive of Debian.
std::string archive() {
  const auto result =
      run({"apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE)", "Created-By: Packages"});
  if (!result) return "";
  for (const auto line : split_lines(result->out)) {
    const auto words = split(std::string(line), ' ');
    if (words.size() == 2 && words[0].ends_with("/debian/")) return words[0];
  }
  return "";
}

std::string end_of(const std::string& text) {
  return text.substr(text.size() < 2000 ? 0 : text.size() - 2000);
}

// A minimal root of the suite with what the package depends on, as a tar in the cache.
Result<fs::path> root_of(const std::string& suite) {
  std::string packages;
  for (const auto& dependency : split(field("Depends"), ',')) {
    const std::string name(trim(dependency));
    packages += (packages.empty() ? "" : ",") + name.substr(0, name.find_first_of(" ("));
  }
  const fs::path folder = cache_directory(process_environment()) / "package-roots";
  CG_CHECK(make_directories(folder));
  const fs::path tar = folder / (suite + "-" + sha256_hex(packages).substr(0, 16) + ".tar");
  if (fs::exists(tar)) return tar;
  const std::string from = archive();
  if (from.empty()) return cannot("apt knows no archive of Debian");
  const fs::path part = tar.string() + ".part";
  CG_TRY(made, run({"mmdebstrap", "--variant=minbase", "--format=tar", "--include=" + packages, suite,
                    part.string(), from},
                   {.set_variables = {{"LC_ALL", "C.UTF-8"}}, .timeout = limit}));
  if (made.status != 0) return cannot(end_of(made.err));
  fs::rename(part, tar);
  return tar;
}

class Package : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "a root directory of another system needs root";
    for (const char* program : {"mmdebstrap", "cpack", "dpkg-shlibdeps", "file"})
      if (!find_program(program)) GTEST_SKIP() << "no " << program << " here: scripts/deps.sh package";
    ASSERT_FALSE(package().empty());
    const auto tar = root_of(GetParam());
    if (!tar) GTEST_SKIP() << GetParam() << ": " << tar.error().message;
    fs::create_directory(root_);
    const auto unpacked =
        run({"tar", "-C", root_.string(), "--exclude=./dev/*", "-xf", tar->string()}, {.timeout = limit});
    ASSERT_TRUE(unpacked && unpacked->status == 0) << (unpacked ? unpacked->err : unpacked.error().message);
    fs::copy_file(package(), root_ / "package.deb");
    fs::create_symlink("/proc/self/fd", root_ / "dev/fd");
    ASSERT_TRUE(
        write_file_atomically(root_ / "dev/null", ""));  // for the scripts of dpkg: nothing is mounted here
  }

  ProcessResult in_root(std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"unshare", "--mount", "sh", "-c",
                  "mount -t proc proc \"$0/proc\" && exec chroot \"$0\" \"$@\"", root_.string()});
    const auto result =
        run(words,
            {.set_variables = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}, {"HOME", "/root"}, {"LC_ALL", "C"}},
             .timeout = limit});
    return result ? *result : ProcessResult{.status = 255, .err = result.error().message};
  }

  std::set<std::string> files() {
    std::set<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      const std::string path = fs::relative(entry.path(), root_);
      // What dpkg writes about every package, and what it keeps of the state before.
      if (!path.starts_with("var/lib/dpkg/") && !path.starts_with("var/log/") && !path.starts_with("dev/"))
        found.insert(path);
    }
    return found;
  }

  const TemporaryDirectory directory_;
  const fs::path root_ = directory_.path() / "root";
};

TEST_P(Package, InstallsRunsAndGoesWithoutATrace) {
  const auto before = files();
  const auto installed = in_root({"dpkg", "-i", "/package.deb"});
  ASSERT_EQ(installed.status, 0) << installed.out << installed.err;

  const struct {
    std::vector<std::string> words;
    const char* says;
  } calls[] = {
      {{"kcheck", "--version"}, "kcheck "},
      {{"kcheck", "fragment", "--criu", "4.2.1", "--arch", "x86_64"}, "CONFIG_CHECKPOINT_RESTORE=y"},
      {{"kcheck", "show", "kernel.membarrier"}, "membarrier"},
      {{"kernel-builder", "list"}, "6.12"},
      {{"kernel-builder", "digest"}, "  "},
      {{"criu-builder", "resolve", "3.17"}, "3.17.1"},
      {{"rootfs-builder", "list"}, "kata"},
      {{"rootfs-builder", "create", "-q", "--from", "/etc", "-o", "/tmp/etc.img"}, ""},
      {{"rootfs-builder", "cat", "/tmp/etc.img", "/debian_version"}, ""},
      {{"guest-run", "help"}, "Usage: guest-run"},
      {{"guest-checkpoint", "help", "dump"}, "Usage: guest-checkpoint dump"},
  };
  for (const auto& [words, says] : calls) {
    const auto result = in_root(words);
    EXPECT_EQ(result.status, 0) << join(words, " ") << "\n" << result.out << result.err;
    EXPECT_TRUE(result.out.contains(says)) << join(words, " ") << "\n" << result.out;
  }
  fs::remove(root_ / "tmp/etc.img");

  for (const char* tool :
       {"kcheck", "kernel-builder", "criu-builder", "rootfs-builder", "guest-run", "guest-checkpoint"}) {
    const auto page = in_root({"gzip", "-dc", std::string("/usr/share/man/man1/") + tool + ".1.gz"});
    EXPECT_TRUE(page.out.contains(".SH SYNOPSIS")) << tool << page.err;
    std::string function = std::string("_") + tool;
    std::ranges::replace(function, '-', '_');
    const auto completed =
        in_root({"bash", "-c",
                 std::string("source /usr/share/bash-completion/completions/") + tool + "; COMP_WORDS=(" +
                     tool + " --form); COMP_CWORD=1; " + function + "; echo \"${COMPREPLY[*]}\""});
    EXPECT_EQ(completed.out, "--format\n") << tool << completed.err;
    EXPECT_TRUE(fs::exists(root_ / "usr/share/zsh/vendor-completions" / (std::string("_") + tool)));
    EXPECT_TRUE(fs::exists(root_ / "usr/share/fish/vendor_completions.d" / (std::string(tool) + ".fish")));
  }

  const auto removed = in_root({"dpkg", "--purge", "criu-guest"});
  EXPECT_EQ(removed.status, 0) << removed.out << removed.err;
  const auto after = files();
  std::vector<std::string> left, gone;
  std::ranges::set_difference(after, before, std::back_inserter(left));
  std::ranges::set_difference(before, after, std::back_inserter(gone));
  EXPECT_EQ(join(left, "\n"), "");
  EXPECT_EQ(join(gone, "\n"), "");
}

INSTANTIATE_TEST_SUITE_P(Debian, Package, ::testing::Values("bookworm", "trixie"),
                         [](const auto& info) { return std::string(info.param); });

// Made once more, at another time of day and elsewhere, it is the same file.
TEST(PackageFile, IsTheSameWheneverItIsMade) {
  for (const char* program : {"cpack", "dpkg-shlibdeps", "file"})
    if (!find_program(program)) GTEST_SKIP() << "no " << program << " here: scripts/deps.sh package";
  const TemporaryDirectory again;
  const auto result =
      run({(house / "scripts/package.sh").string()},
          {.set_variables = {{"BUILD", CG_BINARY_DIR}, {"OUT", again.path().string()}, {"TZ", "Asia/Tokyo"}},
           .timeout = limit});
  ASSERT_TRUE(result && result->status == 0) << (result ? result->out + result->err : "");
  EXPECT_EQ(sha256_file(again.path() / "packages" / package().filename()).value_or("none"),
            sha256_file(package()).value_or(""));
  EXPECT_EQ(field("Version"), CG_VERSION);
  EXPECT_TRUE(field("Recommends").contains("qemu-system-x86")) << field("Recommends");
}

}  // namespace
}  // namespace cg

// The tests of images once more with the e2fsck of a newer distribution, which knows structures and faults
// that this machine's does not. Its packages come as apt vouches for them, and run with their own libraries.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "source/debian.h"
#include "source/source.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

constexpr const char* suite = "trixie";  // Debian 13: e2fsprogs 1.47.2

// A script that is that e2fsck; an error: it cannot be had.
Result<fs::path> newer_e2fsck(const fs::path& into) {
  std::vector<Source> sources;
  for (const char* package :
       {"e2fsprogs", "libext2fs2t64", "libcom-err2", "libss2", "libblkid1", "libuuid1", "libc6"})
    sources.push_back({.kind = SourceKind::debian_package, .package = package, .suite = suite});
  CG_TRY(packages, fetch_packages(sources, {.cache = cache_directory(process_environment())}));
  std::string libraries;
  for (const auto& package : packages) {
    CG_CHECK(unpack_deb(package.path, into / package.package));
    for (const char* where : {"/usr/lib/", "/lib/"})
      libraries += (into / package.package).string() + where + "x86_64-linux-gnu:";
  }
  const fs::path script = into / "e2fsck";
  CG_CHECK(write_file_atomically(script, "#!/bin/sh\nexec '" +
                                             (into / "libc6/usr/lib64/ld-linux-x86-64.so.2").string() +
                                             "' --library-path '" + libraries + "' '" +
                                             (into / "e2fsprogs/usr/sbin/e2fsck").string() + "' \"$@\"\n"));
  fs::permissions(script, fs::perms::owner_all);
  return script;
}

TEST(NewerE2fsck, FindsNothingInWhatTheTestsMake) {
  if (!std::getenv("CG_CHECK_LONG")) GTEST_SKIP() << "all tests of images once more; `make check-long` runs it";
  const TemporaryDirectory directory;
  const auto e2fsck = newer_e2fsck(directory.path());
  if (!e2fsck) GTEST_SKIP() << "e2fsprogs of " << suite << " cannot be had: " << e2fsck.error().message;
  const auto version = run({e2fsck->string(), "-V"});
  ASSERT_TRUE(version);
  ASSERT_TRUE(version->err.contains("e2fsck 1.47.")) << version->err;
  for (const char* program : {"image_test", "hostile_test"}) {
    const auto ran = run({std::string(CG_BINARY_DIR) + "/bin/" + program, "--gtest_brief=1",
                          "--gtest_filter=-NewerE2fsck.*"},
                         {.set_variables = {{"CG_E2FSCK", e2fsck->string()}},
                          .unset_variables = {"CG_CHECK_LONG"},
                          .timeout = std::chrono::minutes(60)});
    ASSERT_TRUE(ran);
    EXPECT_EQ(ran->status, 0) << program << "\n" << last_lines(ran->out, 60);
  }
}

}  // namespace
}  // namespace cg

// guest-checkpoint in a guest, with CRIU itself: killed at any point, on a full disk, paused before, two at
// once.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "base/file.h"
#include "base/text.h"
#include "criu/versions.h"
#include "programs.h"
#include "temporary_directory.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

TEST(Checkpoint, NoTaskIsLostAndNoImageIsHalfWhateverIsKilled) {
  for (const auto& needed : {checkout / "out/vmlinux.container", checkout / "out/demo.img"})
    if (!fs::exists(needed)) GTEST_SKIP() << needed.filename() << " is missing; `make demo` makes it";
  if (!std::getenv("CG_CHECK_LONG"))
    GTEST_SKIP() << "takes long in an emulated guest; make check-long runs it";
  const TemporaryDirectory directory;
  const std::string version = criu_versions().preferred.text();
  const auto built = call({programs + "criu-builder", "build", version, "-o", directory.path().string()});
  if (built.status == 3 && built.err.contains("no source could be had"))
    GTEST_SKIP() << "CRIU " << version << ": its tarball is neither in the cache nor to be had here";
  ASSERT_EQ(built.status, 0) << built.err;
  const std::string criu = "criu-" + version;
  const auto guest =
      call({programs + "guest-run", "--kernel", (checkout / "out/vmlinux.container").string(), "--image",
            (checkout / "out/demo.img").string(), "--timeout", "3500", "--put",
            (directory.path() / criu).string() + ":/run/" + criu + ":755", "--put",
            programs + "guest-checkpoint:/usr/bin/guest-checkpoint:755", "--put",
            programs + "checkpoint-faults:/run/checkpoint-faults:755", "--", "/run/checkpoint-faults",
            "/usr/bin/guest-checkpoint", "/run/" + criu, "100", "/run/faults"});
  EXPECT_EQ(guest.status, 0) << guest.out << guest.err;
  // The figure is for whoever reads the tests' output.
  for (const auto line : split_lines(guest.out)) std::cout << line << "\n";
  EXPECT_TRUE(guest.out.contains("dump: ") && guest.out.contains("restore: ")) << guest.out;
}

}  // namespace
}  // namespace cg

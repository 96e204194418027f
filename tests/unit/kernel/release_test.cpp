#include "kernel/release.h"

#include <gtest/gtest.h>

#include "base/process.h"

namespace cg {
namespace {

std::string packed_by(const std::vector<std::string>& argv, const std::string& bytes) {
  ProcessOptions options;
  options.input = bytes;
  const auto result = run(argv, options);
  EXPECT_TRUE(result && result->status == 0) << argv.front();
  return result ? result->out : "";
}

std::string bzimage() {
  std::string image(0x1000, '\0');
  image.replace(0x202, 4, "HdrS");
  image[0x20f] = '\x04';  // 0x400 + 0x200
  return image.replace(0x600, 26, "6.12.117 (builder) #1 SMP ");
}

TEST(KernelRelease, OfABzImagesHeader) {
  EXPECT_EQ(kernel_release(bzimage(), "k"), "6.12.117");
  EXPECT_FALSE(kernel_release(bzimage().substr(0, 0x206), "k"));
}

TEST(KernelRelease, OfTheBannerWhereverItLies) {
  const std::string banner = "Linux version 6.18.3-kata (x)\n";
  // One byte after the other past the ends of the pieces in which it is read.
  for (const std::size_t before : {0, (1 << 18) - 20, (1 << 18) - 5, (1 << 20) - 14, (1 << 20) - 1}) {
    const std::string kernel = std::string(before, 'x') + "Linux version %s Linux version ? " + banner;
    EXPECT_EQ(kernel_release(kernel, "k"), "6.18.3-kata") << before;
    EXPECT_EQ(kernel_release(packed_by({"gzip", "-c"}, kernel), "k"), "6.18.3-kata") << before;
    EXPECT_EQ(kernel_release("\x27\x05\x19\x56 header " + packed_by({"xz", "-c"}, kernel), "k"),
              "6.18.3-kata");
  }
}

TEST(KernelRelease, IsNeverGuessed) {
  for (const std::string& other :
       {std::string("no kernel"), std::string(), std::string("Linux version 6"),
        "Linux version 6.1" + std::string(300, '2'), std::string("Linux version x6.1 ")}) {
    const auto release = kernel_release(other, "k");
    ASSERT_FALSE(release) << *release;
    EXPECT_EQ(release.error().kind, ErrorKind::refused);
  }
  const auto cut = kernel_release(packed_by({"gzip", "-c"}, "Linux version 6.1.2 x").substr(0, 20), "k");
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().message, "k: the gzip data is cut short");
}

}  // namespace
}  // namespace cg

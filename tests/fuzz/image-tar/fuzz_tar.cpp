// Tars made into images: an image that can be read back, or an error and nothing left. Headers get the
// checksum that their bytes have, so that a change of one is not just refused for that.
#include <cstddef>
#include <cstdint>
#include <string>

#include "fuzz/image_input.h"
#include "image/image_builder.h"
#include "image/reader.h"
#include "image/sources/sources.h"
#include "image/tree/extract.h"
#include "image/tree/tree_policy.h"

namespace {

using namespace cg;
using namespace cg::image;

void mend_checksums(std::string& tar) {
  constexpr std::size_t block = 512;
  for (std::size_t at = 0; at + block <= tar.size(); at += block) {
    char* const header = tar.data() + at;
    if (std::string_view(header + 257, 5) != "ustar") continue;
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (std::size_t i = 0; i < block; ++i) sum += static_cast<unsigned char>(header[i]);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    std::memcpy(header + 148, digits, 7);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch scratch;
  std::string tar(reinterpret_cast<const char*>(data), size);
  mend_checksums(tar);
  scratch.put("input.tar", tar);
  const auto made = [&]() -> Result<ImageSummary> {
    CG_TRY(builder, ImageBuilder::create(scratch / "image", {.size = {.fixed = 4 << 20}}));
    CG_CHECK(add_archive(builder, scratch / "input.tar",
                         {.wanted = {}, .whiteouts = ArchiveOptions::Whiteouts::applied}));
    CG_CHECK(apply(TreePolicy{}, builder.tree()));
    CG_TRY(summary, builder.finish());
    return std::get<ImageSummary>(summary);
  }();
  if (!made) {
    fuzz::require(!made.error().message.empty(), "an error without a message");
    fuzz::require(scratch.count() == 1, "a refused tar leaves something");
    return 0;
  }
  const auto image = ImageReader::open(scratch / "image");
  fuzz::require(image.has_value(), "an image of ours cannot be opened");
  std::uint64_t names = 0;
  const auto read = walk(*image, "/", [&](const std::string& path, const FileInfo& info) -> Result<void> {
    ++names;
    CG_TRY(xattrs, image->xattrs(path));
    if (info.meta.type != NodeType::regular || info.size > (1 << 20)) return {};
    return image->read(path, [](std::string_view) -> Result<void> { return {}; });
  });
  fuzz::require(read.has_value(), read ? "" : read.error().message.c_str());
  fuzz::require(names >= made->files + made->directories, "an image of ours has fewer names than files");
  std::filesystem::remove(scratch / "image");
  return 0;
}

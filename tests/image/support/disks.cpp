#include "image/support/disks.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "image/disk/gpt.h"
#include "image/disk/mbr.h"

namespace cg {
namespace fs = std::filesystem;
using namespace image;

std::uint64_t wrap_in_disk(const fs::path& raw, const fs::path& disk, Scheme scheme) {
  if (scheme == Scheme::raw) {
    fs::copy_file(raw, disk, fs::copy_options::overwrite_existing);
    return 0;
  }
  const std::uint64_t megabyte = 1 << 20;
  const std::uint64_t bytes = fs::file_size(raw);
  const std::uint64_t start = scheme == Scheme::dax ? 3 * megabyte : megabyte;
  const std::uint64_t total = start + bytes + (scheme == Scheme::gpt ? megabyte : 0);
  {
    std::ofstream out(disk, std::ios::binary | std::ios::trunc);
    out << std::string(start, '\0') << std::ifstream(raw, std::ios::binary).rdbuf();
  }
  fs::resize_file(disk, total);
  const UniqueFd fd(open(disk.c_str(), O_RDWR | O_CLOEXEC));
  FileDevice device(fd.get(), disk.string(), total);
  const MbrEntry entry{.start = start / sector_bytes, .sectors = bytes / sector_bytes};
  Result<void> done;
  if (scheme == Scheme::gpt)
    done = write_gpt(
        device, {{.type = gpt_type_linux, .id = {1}, .offset = start, .bytes = bytes, .name = "root"}}, {2});
  else
    done = write_mbr(device, 0, {entry}, 0x12345678);
  if (done && scheme == Scheme::dax) {
    MbrEntry inner = entry;
    inner.start -= dax_data_offset / sector_bytes;
    done = write_mbr(device, dax_data_offset, {inner}, 0x12345678);
    if (done) done = device.write(dax_superblock_offset, std::as_bytes(std::span("NVDIMM_PFN_INFO")));
  }
  EXPECT_TRUE(done) << done.error().message;
  return start;
}

}  // namespace cg

// Writes the "newc" cpio archive that the kernel unpacks as its first root file system
// (Documentation/driver-api/early-userspace/buffer-format.rst in the kernel's tree).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cg {

class CpioWriter {
 public:
  // Names are relative ("a/b"), directories before what they hold. Owner is root, times are 0.
  CpioWriter& directory(std::string_view name, unsigned mode = 0755);
  CpioWriter& file(std::string_view name, std::string_view bytes, unsigned mode = 0644);
  // Ends the archive; the writer is empty afterwards.
  std::string finish();

 private:
  void entry(std::string_view name, unsigned mode, std::string_view bytes);

  std::string bytes_;
  std::uint32_t next_inode_ = 1;
};

}  // namespace cg

// Is this file a kernel that QEMU's x86_64 machine can start?
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace cg {

enum class KernelFormat {
  bz_image,  // vmlinuz: the boot protocol of x86 (Documentation/arch/x86/boot.rst)
  pvh_elf,   // vmlinux with the PVH entry note
};

// An error names the file and says what it is instead, as far as it can be told.
Result<KernelFormat> kernel_format(const std::filesystem::path& path);

}  // namespace cg

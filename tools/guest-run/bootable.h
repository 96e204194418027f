// What QEMU is given: kernels that its x86_64 machine starts, and images that are raw.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace cg {

// A bzImage or a vmlinux with the PVH entry note. The error says what the file is instead, as far as it can
// be told.
Result<void> check_bootable(const std::filesystem::path& kernel);
// QEMU would give the bytes of another format to the guest as they are.
Result<void> check_raw(int fd, const std::string& name);

}  // namespace cg

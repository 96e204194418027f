// Modules for a kernel that has the devices of guest-run's machine, or the image's file system, in modules
// and not in itself, as distributions build theirs: guest-init loads them before it looks for its port and
// its disk. Whatever else a guest uses, its image has to have.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

// A file for the guest's /.guest-run: "modules/03-virtio_blk.ko" is loaded always and in that order,
// "modules-xfs/…" before a file system of that kind is mounted.
struct GuestFile {
  std::string name;
  std::string bytes;
};

struct ModuleNeeds {
  bool image = false;  // the root is an image: its file system is needed as well
  bool pmem = false;   // which is an NVDIMM
};

// lib/modules/RELEASE beside the kernel, else of this machine; empty when there are no indexed modules of
// that kernel.
std::filesystem::path find_modules(const std::filesystem::path& kernel);

// What the kernel has in itself, and what it does not have at all, is left out. `directory` is a
// /lib/modules/RELEASE with its modules.dep; compressed modules are unpacked. Cannot: there is no
// modules.dep. Refused: a damaged module.
Result<std::vector<GuestFile>> guest_modules(const std::filesystem::path& directory,
                                             const ModuleNeeds& needs);

}  // namespace cg

// Disks around a file system, made for tests by the same functions that make them for users; sfdisk reads
// them.
#pragma once

#include <filesystem>
#include <string>

#include "image/disk/layout.h"

namespace cg {

// Puts the raw file system `raw` into a disk of that scheme at `disk`; where it starts there.
std::uint64_t wrap_in_disk(const std::filesystem::path& raw, const std::filesystem::path& disk,
                           image::Scheme scheme);

}  // namespace cg

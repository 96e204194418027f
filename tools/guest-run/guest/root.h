// Finds, mounts and enters the root file system of the image.
#pragma once

#include <string>

#include "system.h"

namespace cg::guest {

// Mounts the image's root and makes it this process's root, with devtmpfs on its /dev; what the initramfs
// held is deleted. Returns an empty string, or what went wrong. Needs /dev, /proc and /sys of the initramfs;
// /proc and /sys are unmounted on the way.
std::string enter_disk_root(const Config& config);

}  // namespace cg::guest

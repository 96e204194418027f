// KVM, where it really works.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "qemu.h"

namespace cg {

// Opening /dev/kvm says little: on some nested hosts it opens, and guests hang. So KVM is used only after a
// guest with this kernel and this QEMU has been seen to start under it, within a few seconds. The answer
// holds until the host reboots and is kept in `cache`.
Accelerator choose_accelerator(const VmSettings& settings, const std::filesystem::path& cache);

}  // namespace cg

// The initrd that guest-run gives to QEMU: the user's own, if any, with guest-init and its configuration
// behind it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "modules.h"

namespace cg {

std::string_view embedded_guest_init();

// guest-init, its configuration (guest/system.h lists the keys) and modules for it as a cpio archive. An
// output of text has no newline in a value.
std::string guest_archive(const std::map<std::string, std::string>& config,
                          const std::vector<GuestFile>& modules = {});

// An in-memory file of `user_initrd` (may be empty), aligned, and the archive. The kernel unpacks the parts
// one after the other, compressed or not, into one root.
Result<UniqueFd> make_initrd(const std::filesystem::path& user_initrd, std::string_view archive);

}  // namespace cg

// A kernel configuration in every form it comes in: text, compressed text, a directory of fragments, and the
// copy that a kernel with IKCONFIG carries, in an ELF file or in a compressed boot image.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kconfig/config.h"

namespace cg {

struct ConfigInput {
  KernelConfig config;
  std::string name;  // where it was read
  std::string form;  // "configuration", "fragment", "gzip", "vmlinux", "bzImage", ...
};

// The bytes of a file or of standard input. `name` is for messages.
Result<ConfigInput> read_config(std::string bytes, const std::string& name);
// A file, or a directory: its *.conf and *.config files merged in the order of their names. Of a kernel that
// does not carry its configuration, the config-RELEASE beside it.
Result<ConfigInput> load_config_input(const std::filesystem::path& path);
// The running kernel's: /proc/config.gz, /boot/config-RELEASE, /lib/modules/RELEASE/config.
Result<ConfigInput> running_config(const std::string& release);
// Files and directories merged in order; the later one wins, and `config.overrides` says where they disagree.
Result<KernelConfig> load_fragments(const std::vector<std::string>& paths);

}  // namespace cg

// The kernel trees that kernel-builder unpacked, with their compiled conf: that of `make guest-kernel`, and
// those of other series that somebody has asked it for.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/environment.h"
#include "base/file.h"
#include "base/text.h"

namespace cg {

// "6.12", of the first lines of the tree's Makefile.
inline std::string series_of(const std::filesystem::path& tree) {
  std::string version, level;
  const std::string makefile = read_file(tree / "Makefile").value_or("");
  for (const auto line : split_lines(makefile)) {
    if (version.empty() && line.starts_with("VERSION = ")) version = line.substr(10);
    if (level.empty() && line.starts_with("PATCHLEVEL = ")) level = line.substr(13);
  }
  return version + "." + level;
}

// By series.
inline std::map<std::string, std::filesystem::path> unpacked_trees() {
  std::map<std::string, std::filesystem::path> trees;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(cache_directory(process_environment()) / "kernel", error))
    if (std::filesystem::exists(entry.path() / "scripts/kconfig/conf") &&
        std::filesystem::exists(entry.path() / "arch/x86"))
      trees[series_of(entry.path())] = entry.path();
  return trees;
}

// That of the guest kernel.
inline std::optional<std::filesystem::path> unpacked_tree() {
  const auto trees = unpacked_trees();
  const auto found = trees.find("6.12");
  return found == trees.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace cg

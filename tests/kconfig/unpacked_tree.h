// The kernel tree that `make guest-kernel` unpacked, with its compiled conf.
#pragma once

#include <filesystem>
#include <optional>

#include "base/environment.h"

namespace cg {

inline std::optional<std::filesystem::path> unpacked_tree() {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(cache_directory(process_environment()) / "kernel", error))
    if (std::filesystem::exists(entry.path() / "scripts/kconfig/conf") &&
        std::filesystem::exists(entry.path() / "arch/x86"))
      return entry.path();
  return std::nullopt;
}

}  // namespace cg

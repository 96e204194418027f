// Where a finished kernel goes: names with both versions in them, and the links that Kata's configuration
// uses.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "manifest.h"

namespace cg {

// Copies the manifest's files and modules from `from` to `to`, each whole or not at all, then kernel.json,
// then points vmlinux.container and vmlinuz.container at them.
Result<void> install_kernel(const KernelManifest& manifest, const std::filesystem::path& from,
                            const std::filesystem::path& to);

// Size and SHA-256 of a file.
Result<BuiltFile> describe_file(const std::filesystem::path& path);

}  // namespace cg

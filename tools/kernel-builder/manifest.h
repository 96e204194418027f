// out/kernel.json: what was built from what, and the test whether it is still current.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace cg {

struct BuiltFile {
  std::string name;
  std::string sha256;
  std::uint64_t size = 0;  // bytes
};

struct KernelManifest {
  std::string recipe;
  std::string version;         // of the kernel that was really built
  std::string config_version;  // of a distribution's kernel its package's version
  std::string architecture;
  std::string source_sha256;
  std::string source_origin;
  std::string compiler;
  std::string digest;            // KernelPlan::digest
  double seconds = 0;            // of the compilation
  std::vector<BuiltFile> files;  // vmlinux, vmlinuz, config in this order
  std::string built_by;          // a distribution; empty: compiled here
  std::string modules;           // "lib/modules/RELEASE" beside the files; empty: there are none
};

Result<void> write_manifest(const std::filesystem::path& path, const KernelManifest& manifest);
Result<KernelManifest> read_manifest(const std::filesystem::path& path);

// Whether `directory` holds the files of a manifest with this digest, by name and size.
bool is_current(const KernelManifest& manifest, const std::string& digest,
                const std::filesystem::path& directory);

}  // namespace cg

#include "manifest.h"

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace cg {
namespace fs = std::filesystem;

Result<void> write_manifest(const fs::path& path, const KernelManifest& manifest) {
  nlohmann::ordered_json json = {
      {"schema", "criu-guest.kernel/1"},
      {"recipe", manifest.recipe},
      {"version", manifest.version},
      {"config_version", manifest.config_version},
      {"architecture", manifest.architecture},
      {"source", {{"sha256", manifest.source_sha256}, {"origin", manifest.source_origin}}},
      {"compiler", manifest.compiler},
      {"digest", manifest.digest},
      {"seconds", manifest.seconds}};
  if (!manifest.built_by.empty()) json["built_by"] = manifest.built_by;
  if (!manifest.modules.empty()) json["modules"] = manifest.modules;
  for (const auto& file : manifest.files)
    json["files"].push_back({{"name", file.name}, {"sha256", file.sha256}, {"size", file.size}});
  return write_file_atomically(path, json.dump(2) + "\n");
}

Result<KernelManifest> read_manifest(const fs::path& path) {
  CG_TRY(text, read_file(path, 1 << 20));
  try {
    const auto json = nlohmann::json::parse(text);
    KernelManifest manifest{json.at("recipe"),
                            json.at("version"),
                            json.at("config_version"),
                            json.at("architecture"),
                            json.at("source").at("sha256"),
                            json.at("source").at("origin"),
                            json.at("compiler"),
                            json.at("digest"),
                            json.at("seconds"),
                            {},
                            json.value("built_by", ""),
                            json.value("modules", "")};
    for (const auto& file : json.at("files"))
      manifest.files.push_back({file.at("name"), file.at("sha256"), file.at("size")});
    return manifest;
  } catch (const nlohmann::json::exception& error) {
    return refused(path.string() + ": " + error.what());
  }
}

bool is_current(const KernelManifest& manifest, const std::string& digest, const fs::path& directory) {
  if (manifest.digest != digest || manifest.files.size() != 3) return false;
  for (const auto& file : manifest.files) {
    std::error_code error;
    if (fs::file_size(directory / file.name, error) != file.size || error) return false;
  }
  std::error_code error;
  return manifest.modules.empty() || fs::is_regular_file(directory / manifest.modules / "modules.dep", error);
}

}  // namespace cg

// An OCI image layout: index.json names manifests (or further indexes) by digest, a manifest its layers; what
// has a digest lies in blobs/ALGORITHM/HEX.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "image/sources/sources.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

std::string host_architecture() {
  const std::string machine = host_machine();
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

class Layout {
 public:
  explicit Layout(fs::path directory) : directory_(std::move(directory)) {}

  Result<std::vector<fs::path>> layers() {
    CG_TRY(index, document(directory_ / "index.json"));
    CG_TRY(manifest, find_manifest(index, 0));
    if (!manifest.contains("layers") || !manifest["layers"].is_array())
      return wrong("its manifest has no layers");
    std::vector<fs::path> paths;
    for (const Json& layer : manifest["layers"]) {
      CG_TRY(path, blob(layer));
      paths.push_back(std::move(path));
    }
    return paths;
  }

 private:
  std::unexpected<Error> wrong(const std::string& what) const {
    return refused(fmt::format("{}: not an OCI image layout: {}", directory_.string(), what));
  }

  Result<Json> document(const fs::path& path) const {
    CG_TRY(text, read_file(path, limits::oci_document_bytes));
    Json json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return wrong(path.string() + " is no JSON object");
    return json;
  }

  // The checked file that a descriptor names.
  Result<fs::path> blob(const Json& descriptor) const {
    const std::string digest =
        descriptor.is_object() && descriptor.contains("digest") && descriptor["digest"].is_string()
            ? descriptor["digest"].get<std::string>()
            : "";
    const std::string hex = digest.starts_with("sha256:") ? digest.substr(7) : "";
    if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
      return wrong(fmt::format("'{}' is no SHA-256 digest", digest));
    const fs::path path = directory_ / "blobs" / "sha256" / hex;
    CG_TRY(found, sha256_file(path));
    if (found != hex) return refused(fmt::format("{}: is damaged: its SHA-256 is {}", path.string(), found));
    return path;
  }

  Result<Json> find_manifest(const Json& index, int depth) const {
    if (depth > limits::oci_index_depth) return wrong("indexes below each other");
    if (!index.contains("manifests")) return index;
    std::vector<const Json*> fitting;
    for (const Json& entry : index["manifests"]) {
      if (!entry.is_object()) return wrong("an entry of an index is no object");
      const Json platform = entry.value("platform", Json::object());
      const std::string architecture =
          platform.is_object() && platform.contains("architecture") && platform["architecture"].is_string()
              ? platform["architecture"].get<std::string>()
              : "";
      if (index["manifests"].size() == 1 || architecture == host_architecture()) fitting.push_back(&entry);
    }
    if (fitting.size() != 1)
      return refused(fmt::format("{}: holds {} images for {}; exactly one is needed", directory_.string(),
                                 fitting.size(), host_architecture()));
    CG_TRY(path, blob(*fitting[0]));
    CG_TRY(next, document(path));
    return find_manifest(next, depth + 1);
  }

  fs::path directory_;
};

}  // namespace

bool is_oci_layout(const fs::path& directory) {
  std::error_code error;
  return fs::is_regular_file(directory / "oci-layout", error) &&
         fs::is_regular_file(directory / "index.json", error);
}

Result<void> add_oci_layout(NewFiles& image, const fs::path& directory, const ArchiveOptions& options) {
  CG_TRY(layers, Layout(directory).layers());
  ArchiveOptions layer_options = options;
  layer_options.whiteouts = ArchiveOptions::Whiteouts::applied;
  for (const fs::path& layer : layers) CG_CHECK(add_archive(image, layer, layer_options));
  return {};
}

Result<void> add_source(NewFiles& image, const fs::path& source, const ArchiveOptions& options) {
  std::error_code error;
  if (!fs::is_directory(source, error)) return add_archive(image, source, options);
  return is_oci_layout(source) ? add_oci_layout(image, source, options) : add_directory(image, source);
}

}  // namespace cg::image

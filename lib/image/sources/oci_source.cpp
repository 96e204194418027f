// Container images. An OCI image layout: index.json names manifests (or further indexes) by digest, a
// manifest its layers; what has a digest lies in blobs/ALGORITHM/HEX. The archive of `docker save`:
// manifest.json lists images with their tags and layers, all of them members of one tar.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/text.h"
#include "image/sources/image_archive.h"
#include "image/sources/sources.h"

namespace cg::image {
namespace fs = std::filesystem;
namespace {

using Json = nlohmann::json;

std::string host_architecture() {
  const std::string machine = host_machine();
  return machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : machine;
}

std::string text_at(const Json& object, const char* key) {
  return object.is_object() && object.contains(key) && object[key].is_string()
             ? object[key].get<std::string>()
             : "";
}

// "amd64", "linux/arm/v7"; "" where it says none.
struct Platform {
  std::string os, architecture, variant;

  static Platform of(std::string_view text) {
    auto parts = split(text, '/');
    if (parts.size() == 1) return {"", parts[0], ""};
    return {parts[0], parts[1], parts.size() > 2 ? parts[2] : ""};
  }
  static Platform of(const Json& entry) {
    const Json platform = entry.value("platform", Json::object());
    return {text_at(platform, "os"), text_at(platform, "architecture"), text_at(platform, "variant")};
  }
  bool fits(const Platform& wanted) const {
    return architecture == wanted.architecture && (wanted.os.empty() || os == wanted.os) &&
           (wanted.variant.empty() || variant == wanted.variant);
  }
  std::string text() const {
    if (architecture.empty()) return "no platform";
    return fmt::format("{}{}{}{}{}", os, os.empty() ? "" : "/", architecture, variant.empty() ? "" : "/",
                       variant);
  }
};

// Whether a reference, "registry/name:tag" or a tag alone, is the one asked for.
bool names_tag(const std::string& reference, const std::string& tag) {
  return reference == tag || reference.ends_with(":" + tag);
}

class ContainerImage {
 public:
  ContainerImage(const ImageMembers& members, const ArchiveOptions& options)
      : members_(members), options_(options) {}

  Result<std::vector<fs::path>> layers() {
    if (!members_.has("index.json")) return docker_layers();
    CG_TRY(index, document("index.json"));
    CG_TRY(manifest, find_manifest(index, 0));
    if (!manifest.contains("layers") || !manifest["layers"].is_array())
      return wrong("its manifest has no layers");
    std::vector<fs::path> paths;
    for (const Json& layer : manifest["layers"]) {
      CG_TRY(name, blob(layer));
      CG_TRY(path, members_.file(name));
      paths.push_back(std::move(path));
    }
    return paths;
  }

 private:
  std::unexpected<Error> wrong(const std::string& what) const {
    return refused(fmt::format("{}: not an OCI image layout: {}", members_.name(), what));
  }
  std::unexpected<Error> no_choice(std::size_t found, std::vector<std::string> there) const {
    std::ranges::sort(there);
    there.erase(std::ranges::unique(there).begin(), there.end());
    return refused(fmt::format(
        "{}: holds {} images{}{}; exactly one is needed. It has {}; {}:TAG and --platform "
        "OS/ARCHITECTURE choose",
        members_.name(), found, options_.tag.empty() ? "" : fmt::format(" with the tag {}", options_.tag),
        options_.platform.empty() ? "" : fmt::format(" for {}", options_.platform),
        there.empty() ? "none" : join(there, ", "), members_.name()));
  }

  Result<Json> parsed(const std::string& name) const {
    CG_TRY(path, members_.file(name));
    CG_TRY(text, read_file(path, limits::oci_document_bytes));
    return Json::parse(text, nullptr, false);
  }
  Result<Json> document(const std::string& name) const {
    CG_TRY(json, parsed(name));
    if (!json.is_object()) return wrong(name + " is no JSON object");
    return json;
  }

  // The checked member that a descriptor names.
  Result<std::string> blob(const Json& descriptor) const {
    const std::string digest = text_at(descriptor, "digest");
    const std::string hex = digest.starts_with("sha256:") ? digest.substr(7) : "";
    if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
      return wrong(fmt::format("'{}' is no SHA-256 digest", digest));
    const std::string name = "blobs/sha256/" + hex;
    CG_TRY(path, members_.file(name));
    CG_TRY(found, sha256_file(path));
    if (found != hex)
      return refused(fmt::format("{}: {} is damaged: its SHA-256 is {}", members_.name(), name, found));
    return name;
  }

  Result<Json> find_manifest(const Json& index, int depth) const {
    if (depth > limits::oci_index_depth) return wrong("indexes below each other");
    if (!index.contains("manifests")) return index;
    if (!index["manifests"].is_array()) return wrong("the manifests of an index are no list");
    std::vector<const Json*> fitting;
    std::vector<std::string> there;
    for (const Json& entry : index["manifests"]) {
      if (!entry.is_object()) return wrong("an entry of an index is no object");
      const std::string tag =
          text_at(entry.value("annotations", Json::object()), "org.opencontainers.image.ref.name");
      there.push_back(fmt::format("{}{}{}", tag, tag.empty() ? "" : " for ", Platform::of(entry).text()));
      // A tag stands in the outermost index.
      if (depth > 0 || options_.tag.empty() || names_tag(tag, options_.tag)) fitting.push_back(&entry);
    }
    // An entry without a platform may be for any; one that says it counts where there is a choice to be made.
    if (fitting.size() > 1 || !options_.platform.empty()) {
      const std::string host = host_architecture();
      const Platform wanted =
          Platform::of(std::string_view(options_.platform.empty() ? host : options_.platform));
      const bool all_silent = std::ranges::all_of(
          fitting, [](const Json* entry) { return Platform::of(*entry).architecture.empty(); });
      if (!all_silent)
        std::erase_if(fitting, [&](const Json* entry) { return !Platform::of(*entry).fits(wanted); });
    }
    if (fitting.size() != 1) return no_choice(fitting.size(), std::move(there));
    CG_TRY(name, blob(*fitting[0]));
    CG_TRY(next, document(name));
    return find_manifest(next, depth + 1);
  }

  Result<std::vector<fs::path>> docker_layers() const {
    CG_TRY(images, parsed("manifest.json"));
    if (!images.is_array()) return wrong("manifest.json is no list of images");
    std::vector<const Json*> fitting;
    std::vector<std::string> there;
    for (const Json& entry : images) {
      if (!entry.is_object() || !entry.contains("Layers") || !entry["Layers"].is_array())
        return wrong("an image of manifest.json has no layers");
      bool named = options_.tag.empty();
      for (const Json& tag : entry.value("RepoTags", Json::array()))
        if (tag.is_string()) {
          there.push_back(tag.get<std::string>());
          named = named || names_tag(there.back(), options_.tag);
        }
      if (named) fitting.push_back(&entry);
    }
    if (fitting.size() != 1) return no_choice(fitting.size(), std::move(there));
    std::vector<fs::path> paths;
    for (const Json& layer : (*fitting[0])["Layers"]) {
      if (!layer.is_string()) return wrong("a layer of manifest.json has no name");
      CG_TRY(path, members_.file(layer.get<std::string>()));
      paths.push_back(std::move(path));
    }
    return paths;
  }

  const ImageMembers& members_;
  const ArchiveOptions& options_;
};

Result<void> add_layers(NewFiles& image, const ImageMembers& members, ArchiveOptions options) {
  CG_TRY(layers, ContainerImage(members, options).layers());
  options.whiteouts = ArchiveOptions::Whiteouts::applied;
  options.replacing = Replacing::whole;
  for (const fs::path& layer : layers) CG_CHECK(add_archive(image, layer, options));
  return {};
}

}  // namespace

bool is_oci_layout(const fs::path& directory) {
  std::error_code error;
  return fs::is_regular_file(directory / "oci-layout", error) &&
         fs::is_regular_file(directory / "index.json", error);
}

Result<void> add_oci_layout(NewFiles& image, const fs::path& directory, const ArchiveOptions& options) {
  return add_layers(image, ImageMembers::of_directory(directory), options);
}

Result<void> add_source(NewFiles& image, const fs::path& source, const ArchiveOptions& options) {
  std::error_code error;
  fs::path path = source;
  ArchiveOptions chosen = options;
  // "LAYOUT:TAG", unless there is a file of that name.
  const std::string text = source.string();
  for (auto colon = text.find(':'); colon != std::string::npos && !fs::exists(path, error);
       colon = text.find(':', colon + 1)) {
    if (colon == 0 || !fs::exists(text.substr(0, colon), error)) continue;
    path = text.substr(0, colon);
    chosen.tag = text.substr(colon + 1);
  }
  if (is_oci_layout(path)) return add_oci_layout(image, path, chosen);
  if (fs::is_regular_file(path / "index.json", error) && fs::is_directory(path / "blobs" / "sha256", error))
    return refused(path.string() + ": half an OCI image layout: blobs and index.json, without oci-layout");
  if (path != "-" && !fs::is_directory(path, error)) {
    CG_TRY(members, ImageMembers::of_archive(path, chosen));
    if (members) return add_layers(image, *members, chosen);
  }
  if (!chosen.tag.empty()) return refused(path.string() + ": is no container image, so it has no tags");
  return fs::is_directory(path, error) ? add_directory(image, path) : add_archive(image, path, chosen);
}

}  // namespace cg::image

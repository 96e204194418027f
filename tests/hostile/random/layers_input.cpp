// Container images as layouts and as archives: documents whose values are of another kind, blobs that are
// missing, pipes or links, layers drawn as tars are.
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "base/sha256.h"
#include "image/support/image_case.h"
#include "inputs.h"

namespace cg::random_input {
namespace fs = std::filesystem;
using Json = nlohmann::json;
namespace {

Json odd_value(Lot& lot) {
  switch (lot.below(10)) {
    case 0:
      return nullptr;
    case 1:
      return lot.odd_number();
    case 2:
      return -1.5e300;
    case 3:
      return "sha256:" + std::string(64, 'f');
    case 4:
      return "sha256:../../../../etc/passwd";
    case 5:
      return std::string(100'000, 'x');
    case 6:
      return Json::array();
    case 7:
      return Json::object();
    case 8:
      return "../../etc/passwd";
    default:
      return true;
  }
}

// One value somewhere in the document becomes another, is gone or stands twice.
void twist(Lot& lot, Json& document) {
  if (!document.is_structured() || document.empty() || lot.one_in(6)) {
    document = odd_value(lot);
    return;
  }
  const auto at = std::next(document.begin(), static_cast<std::ptrdiff_t>(lot.below(document.size())));
  if (lot.one_in(8)) {
    document.erase(at);
    return;
  }
  if (document.is_array() && lot.one_in(4)) {
    const Json copy = *at;
    const std::uint64_t times = lot.of({1, 3, 2000});
    for (std::uint64_t i = 0; i < times; ++i) document.push_back(copy);
    return;
  }
  twist(lot, *at);
}

std::string text_of(Lot& lot, Json document) {
  while (lot.one_in(3)) twist(lot, document);
  std::string text = document.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (lot.one_in(20)) text = repeated("[", 200'000);
  if (lot.one_in(20)) text = repeated("{\"manifests\":[", 50'000);
  if (lot.one_in(15)) scramble(lot, text, 3);
  return text;
}

class Layout {
 public:
  Layout(Lot& lot, fs::path root) : lot_(lot), root_(std::move(root)) {
    fs::create_directories(root_ / "blobs/sha256");
  }

  Json put(std::string bytes, const std::string& type) {
    const std::string hex = sha256_hex(bytes);
    const fs::path blob = root_ / "blobs/sha256" / hex;
    if (lot_.one_in(25)) scramble(lot_, bytes, 1);
    switch (lot_.below(40)) {
      case 0:
        break;  // missing
      case 1:
        mkfifo(blob.c_str(), 0600);
        break;
      case 2:
        fs::create_directory(blob);
        break;
      case 3:
        fs::create_symlink(lot_.of({"/etc/passwd", "/dev/zero", ".", "nowhere"}), blob);
        break;
      default:
        write(blob, bytes);
    }
    Json descriptor = {{"mediaType", type}, {"digest", "sha256:" + hex}, {"size", bytes.size()}};
    if (lot_.one_in(20)) twist(lot_, descriptor);
    return descriptor;
  }

 private:
  Lot& lot_;
  fs::path root_;
};

std::string random_layer(Lot& lot) {
  const std::string bytes = random_tar_bytes(lot);
  return lot.one_in(2) ? packed(bytes, lot.of({"gzip", "zstd"})) : bytes;
}

}  // namespace

Input random_layers(Lot& lot, const fs::path& into) {
  const fs::path root = into / "layout";
  Layout layout(lot, root);
  Json manifest = {{"schemaVersion", 2}, {"layers", Json::array()}};
  const std::uint64_t layers = 1 + lot.below(3);
  for (std::uint64_t i = 0; i < layers; ++i)
    manifest["layers"].push_back(layout.put(
        random_layer(lot), lot.of({"application/vnd.oci.image.layer.v1.tar+gzip",
                                   "application/vnd.oci.image.layer.v1.tar", "application/x-unknown"})));
  const Json config = {{"architecture", "amd64"}, {"os", "linux"}, {"rootfs", {{"type", "layers"}}}};
  manifest["config"] = layout.put(text_of(lot, config), "application/vnd.oci.image.config.v1+json");
  Json image = layout.put(text_of(lot, manifest), "application/vnd.oci.image.manifest.v1+json");
  if (lot.one_in(3)) image["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
  Json index = {{"schemaVersion", 2}, {"manifests", {image}}};
  while (lot.one_in(3))  // indexes below each other
    index = {{"manifests", {layout.put(text_of(lot, index), "application/vnd.oci.image.index.v1+json")}}};
  const fs::path top = root / "index.json";
  switch (lot.below(30)) {
    case 0:
      fs::create_directory(top);
      break;
    case 1:
      mkfifo(top.c_str(), 0600);
      break;
    case 2:
      fs::create_symlink("index.json", top);
      break;
    default:
      write(top, text_of(lot, index));
  }
  if (!lot.one_in(10)) write(root / "oci-layout", text_of(lot, {{"imageLayoutVersion", "1.0.0"}}));
  return {root, Use::from};
}

// As `docker save` writes it: layers are members, and links to members.
Input random_container(Lot& lot, const fs::path& into) {
  std::vector<TarEntry> members;
  Json saved = {{"Config", "config.json"}, {"RepoTags", {"it:latest"}}, {"Layers", Json::array()}};
  const std::uint64_t layers = 1 + lot.below(4);
  for (std::uint64_t i = 0; i < layers; ++i) {
    const std::string name = std::to_string(i) + "/layer.tar";
    TarEntry member{.path = name, .content = random_layer(lot)};
    if (lot.one_in(6)) {
      member.type = lot.of({'l', 'h', 'd', 'p'});
      member.content = lot.of({std::string("../0/layer.tar"), name, std::string("/etc/passwd"),
                               "../" + std::to_string(i + 1) + "/layer.tar"});
      if (member.type == 'h') member.content = "0/layer.tar";
    }
    members.push_back(member);
    if (lot.one_in(8)) members.push_back(member);
    saved["Layers"].push_back(name);
  }
  Json list = {saved};
  if (lot.one_in(5)) list.push_back(saved);
  members.push_back(
      {.path = "config.json", .content = text_of(lot, {{"os", "linux"}, {"architecture", "amd64"}})});
  members.push_back({.path = "manifest.json", .content = text_of(lot, list)});
  if (lot.one_in(8))
    members.push_back({.path = "index.json", .content = text_of(lot, {{"manifests", Json::array()}})});
  if (lot.one_in(10)) members.resize(lot.below(members.size()) + 1);
  const fs::path file = into / "saved.tar";
  write_tar_file(file, members, lot.one_in(3) ? "gzip" : nullptr);
  if (lot.one_in(6)) {
    std::string bytes = read(file);
    scramble(lot, bytes, 1 + lot.below(10));
    write(file, bytes);
  }
  return {file, Use::from};
}

}  // namespace cg::random_input

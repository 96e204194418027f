#include "commands/image_report.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "image/reader.h"
#include "image/tree/extract.h"

namespace cg {

Result<std::string> image_report(const std::string& file, const std::string& name) {
  CG_TRY(reader, image::ImageReader::open(file));
  nlohmann::ordered_json json = {{"schema", "criu-guest.image-report/1"},
                                 {"image", std::filesystem::path(name).filename().string()}};
  if (const auto info = reader.info(); !info.uuid.empty()) json["uuid"] = info.uuid;
  auto& entries = json["entries"] = nlohmann::ordered_json::array();
  CG_CHECK(
      image::walk(reader, "/", [&](const std::string& path, const image::FileInfo& info) -> Result<void> {
        nlohmann::ordered_json entry = {{"path", path},
                                        {"type", image::to_string(info.meta.type)},
                                        {"mode", fmt::format("{:04o}", info.meta.mode)},
                                        {"uid", info.meta.uid},
                                        {"gid", info.meta.gid},
                                        {"mtime", info.meta.mtime.seconds}};
        if (info.meta.type == image::NodeType::symlink) entry["target"] = info.meta.target;
        if (info.meta.type == image::NodeType::regular) {
          Sha256 digest;
          CG_CHECK(reader.read(path, [&](std::string_view piece) -> Result<void> {
            digest.update(piece);
            return {};
          }));
          entry["size"] = info.size;
          entry["sha256"] = digest.hex();
        }
        entries.push_back(std::move(entry));
        return {};
      }));
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace cg

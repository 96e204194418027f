// The files that a container image is stored as: of a directory, or members of one tar as docker, podman and
// skopeo save it.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"

namespace cg::image {

struct ArchiveOptions;

class ImageMembers {
 public:
  static ImageMembers of_directory(const std::filesystem::path& directory);
  // Unpacks the members into a directory that is gone with this; nullopt: a tar of something else, of which
  // nothing was unpacked. Refused: more than the options allow to unpack.
  static Result<std::optional<ImageMembers>> of_archive(const std::filesystem::path& archive,
                                                        const ArchiveOptions& options);

  const std::string& name() const { return name_; }  // for messages
  bool has(const std::string& member) const { return file(member).has_value(); }
  // Where it lies. Refused: there is none of that name.
  Result<std::filesystem::path> file(const std::string& member) const;

 private:
  struct Unpacked;
  std::string name_;
  std::filesystem::path directory_;           // of_directory
  std::shared_ptr<const Unpacked> unpacked_;  // of_archive
};

}  // namespace cg::image

// Where an image's entries come from.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/tree/new_files.h"
#include "image/tree/tree.h"

namespace cg::image {

// Everything below `directory`, which becomes the image's root. Files with several names below it keep them.
// It is read while what came of it is stored.
Result<void> add_directory(NewFiles& image, const std::filesystem::path& directory);

struct ArchiveOptions {
  // Which entries are taken, by their path without "./" or "/"; empty: all.
  std::function<bool(std::string_view path)> wanted;
  // An entry ".wh.NAME" takes away NAME of the layers below, ".wh..wh..opq" all they have in that directory
  // (OCI image specification, "Layer"); or they are names like others.
  enum class Whiteouts { names, applied } whiteouts = Whiteouts::names;
  Replacing replacing = Replacing::careful;
  // Attributes that no file system of Linux stores, such as com.apple.quarantine.
  enum class Foreign { refused, left_out } foreign = Foreign::refused;
  std::function<void(const std::string&)> say = {};  // a line of what was left out
  // Bytes that a compressed archive may unpack to; default: unpack_limit.h.
  std::optional<std::uint64_t> most_unpacked;
  // Of container images: which one, where there are several. Default: the only one, or this machine's.
  std::string tag;
  std::string platform;  // "ARCHITECTURE" or "OS/ARCHITECTURE[/VARIANT]"
};

// The entries of a tar, in any compression libarchive knows; "-" reads standard input. Contents are stored at
// once.
Result<void> add_archive(NewFiles& image, const std::filesystem::path& archive,
                         const ArchiveOptions& options = {});

// An OCI image layout (a directory with oci-layout, index.json and blobs/): the layers of the image that the
// options choose, each checked against its digest.
bool is_oci_layout(const std::filesystem::path& directory);
Result<void> add_oci_layout(NewFiles& image, const std::filesystem::path& directory,
                            const ArchiveOptions& options = {});

// Whatever that is: a directory, a tar, an OCI layout or an archive of docker, podman or skopeo; of these
// "PATH:TAG" chooses an image.
Result<void> add_source(NewFiles& image, const std::filesystem::path& source,
                        const ArchiveOptions& options = {});

}  // namespace cg::image

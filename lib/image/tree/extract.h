// Takes files out of an image: as a tar with everything an image knows of them, or as files of the host.
#pragma once

#include <filesystem>
#include <functional>
#include <ostream>

#include "base/result.h"
#include "image/tree/image_files.h"

namespace cg::image {

// Calls `visitor` for `top` and, when it is a directory, all below it: directories before what they hold,
// names in order, links not followed but for `top` where that is asked. `path` is from the image's root.
// Refused: a damaged tree, directories whose path is longer than limits::path_bytes.
using Visitor = std::function<Result<void>(const std::string& path, const FileInfo& info)>;
Result<void> walk(const ImageFiles& image, const std::string& top, const Visitor& visitor,
                  LastLink last = LastLink::keep);

// A pax tar of `top` and all below it, with the paths they have in the image. Hard links, attributes and
// times stay; sockets, which tar does not have, are left out.
Result<void> extract_tar(const ImageFiles& image, const std::string& top, int fd, const std::string& name);

// What is at `top` becomes `destination`, which must not exist. Owners and devices are only made by root;
// what was left out is counted in `skipped`.
struct Extracted {
  std::uint64_t files = 0;
  std::uint64_t skipped = 0;  // device nodes, without the right to make them
};
Result<Extracted> extract_files(const ImageFiles& image, const std::string& top,
                                const std::filesystem::path& destination);
// Gives what was made at `part` its name. Refused: something is there.
Result<void> name_new(const std::filesystem::path& part, const std::filesystem::path& destination);

}  // namespace cg::image

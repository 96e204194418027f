// Changes an existing ext4 image, atomically: the changes go into a copy beside it, which takes its name when it is
// whole. Whatever fails, the image stays what it was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::image {

struct Injection {
  std::filesystem::path source;       // a regular file of the host, or a symbolic link to one
  std::string destination;            // from the image's root; ending in "/": into that directory
  std::optional<std::uint32_t> mode;  // default: the replaced file's, else the source's
  std::optional<std::uint32_t> uid;   // default: the replaced file's, else 0
  std::optional<std::uint32_t> gid;
};

// "SRC:DEST[:MODE[:UID:GID]]", MODE octal. A colon in a name is written "\:".
Result<Injection> parse_injection(std::string_view text);

struct InjectOptions {
  std::optional<std::int64_t> source_date_epoch;  // the time of what is written; default: the sources' own
};

struct InjectedFile {
  std::string path;       // where it went, links followed
  std::uint64_t bytes = 0;
  bool replaced = false;
};

Result<std::vector<InjectedFile>> inject(const std::filesystem::path& image, const std::vector<Injection>& injections,
                                         const InjectOptions& options = {});

}  // namespace cg::image

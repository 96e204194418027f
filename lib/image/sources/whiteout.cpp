#include "image/sources/whiteout.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "image/tree/tree.h"

namespace cg::image {

Result<Whiteout> whiteout_of(std::string_view path) {
  constexpr std::string_view prefix = ".wh.";
  constexpr std::string_view driver = ".wh..wh.";
  auto parts = split_entry_path(path);
  if (!parts) return refused(fmt::format("{}: {}", path, parts.error().message));
  if (std::ranges::none_of(*parts, [&](std::string_view part) { return part.starts_with(prefix); }))
    return Whiteout{};
  const std::string_view last = parts->back();
  const bool opaque = last == ".wh..wh..opq";
  parts->pop_back();
  std::string directory;
  for (const std::string_view part : *parts) {
    if (part.starts_with(driver)) return Whiteout{Whiteout::Kind::ignored, {}};
    if (part.starts_with(prefix))
      return refused(fmt::format("{}: lies below '{}', and a whiteout is no directory", path, part));
    directory += fmt::format("{}{}", directory.empty() ? "" : "/", part);
  }
  if (opaque) return Whiteout{Whiteout::Kind::opaque, std::move(directory)};
  if (last.starts_with(driver)) return Whiteout{Whiteout::Kind::ignored, {}};
  const std::string_view name = last.substr(prefix.size());
  if (name.empty() || name == "." || name == "..")
    return refused(fmt::format("{}: a whiteout of no name", path));
  return Whiteout{Whiteout::Kind::name, fmt::format("{}{}{}", directory, directory.empty() ? "" : "/", name)};
}

}  // namespace cg::image

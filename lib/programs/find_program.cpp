#include "programs/find_program.h"

#include <fmt/format.h>

namespace cg {

std::optional<Program> find_program(const RootTree& tree, std::string_view name) {
  for (const char* directory :
       {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}) {
    const std::string path = fmt::format("{}/{}", directory, name);
    const auto file = resolve(tree, path);
    if (!file || !file->entry || file->entry->kind != FileKind::regular || (file->entry->mode & 0111) == 0)
      continue;
    const auto link = resolve(tree, path, LastLink::keep);
    const bool is_link = link && link->entry && link->entry->kind == FileKind::link;
    return Program{path, is_link ? link->entry->target : path, file->path};
  }
  return std::nullopt;
}

}  // namespace cg

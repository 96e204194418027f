#include "kconfig/other_architectures.h"

#include <algorithm>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace cg::kconfig {
namespace fs = std::filesystem;
namespace {

constexpr int deepest = 3;  // arch/powerpc/platforms/*/Kconfig
constexpr std::uint64_t largest_file = 8 << 20;

bool defines(const fs::path& file, std::string_view symbol) {
  const auto text = read_file(file, largest_file);
  if (!text) return false;
  for (const auto line : split_lines(*text))
    for (const std::string_view word : {"config ", "menuconfig "})
      if (line.starts_with(word) && trim(line.substr(word.size())) == symbol) return true;
  return false;
}

bool defined_below(const fs::path& directory, std::string_view symbol) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry.depth() >= deepest) entry.disable_recursion_pending();
    if (entry->path().filename().string().starts_with("Kconfig") && defines(entry->path(), symbol))
      return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> architectures_with(const fs::path& tree, std::string_view symbol) {
  std::vector<std::string> found;
  if (tree.empty()) return found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(tree / "arch", error))
    if (entry.is_directory() && defined_below(entry.path(), symbol))
      found.push_back(entry.path().filename().string());
  std::ranges::sort(found);
  return found;
}

}  // namespace cg::kconfig

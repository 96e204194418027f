#include "kconfig/definitions.h"

#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace fs = std::filesystem;
namespace {

// The word after `keyword`, or nothing when the line does not begin with it.
std::string_view after_keyword(std::string_view line, std::string_view keyword) {
  if (!line.starts_with(keyword) || line.size() == keyword.size()) return {};
  if (line[keyword.size()] != ' ' && line[keyword.size()] != '\t') return {};
  return trim(line.substr(keyword.size()));
}

}  // namespace

void scan_definitions_text(std::string_view text, const std::string& name, SymbolDefinitions& into) {
  auto current = into.end();
  std::size_t number = 0;
  for (const std::string_view raw : split_lines(text)) {
    ++number;
    const std::string_view line = trim(raw);
    std::string_view symbol = after_keyword(line, "config");
    if (symbol.empty()) symbol = after_keyword(line, "menuconfig");
    const bool indented = !raw.empty() && (raw[0] == ' ' || raw[0] == '\t');
    if (!symbol.empty() && (!indented || !symbol.contains(' '))) {  // help text may begin with "config ..."
      current = into.emplace(symbol, SymbolDefinition{name, number, {}});
    } else if (const auto condition = after_keyword(line, "depends"); current != into.end() && condition.starts_with("on ")) {
      current->second.depends_on.emplace_back(trim(condition.substr(3)));
    } else if (!indented && !line.empty() && !line.starts_with('#')) {
      current = into.end();  // if, endif, menu, source, … end a definition
    }
  }
}

Result<SymbolDefinitions> scan_definitions(const fs::path& tree, const std::string& architecture) {
  SymbolDefinitions definitions;
  std::error_code error;
  fs::recursive_directory_iterator entry(tree, error);
  if (error) return cannot(tree.string() + ": " + error.message());
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (error) return cannot(tree.string() + ": " + error.message());
    const std::string name = entry->path().filename().string();
    const bool is_directory = entry->is_directory(error);
    const bool foreign = is_directory && entry->path().parent_path() == tree / "arch" && name != architecture;
    if (foreign || (is_directory && (name == "Documentation" || name == "tools" || name == ".git"))) {
      entry.disable_recursion_pending();
    } else if (!is_directory && name.starts_with("Kconfig")) {
      CG_TRY(text, read_file(entry->path(), 4 << 20));
      scan_definitions_text(text, entry->path().lexically_relative(tree).string(), definitions);
    }
  }
  return definitions;
}

}  // namespace cg

#include "kconfig/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

constexpr std::uint64_t config_limit = 64 << 20;  // bytes; the largest real one is below 1 MB

bool is_symbol(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_value(std::string_view value) {
  if (value == "y" || value == "n" || value == "m") return true;
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') return true;
  if (value.starts_with('-')) value.remove_prefix(1);
  if (value.starts_with("0x") || value.starts_with("0X")) {
    value.remove_prefix(2);
    return !value.empty() && value.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  }
  return !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
}

// "# CONFIG_X is not set" -> X
std::optional<std::string_view> not_set(std::string_view line) {
  constexpr std::string_view prefix = "# CONFIG_";
  constexpr std::string_view suffix = " is not set";
  if (!line.starts_with(prefix) || !line.ends_with(suffix) || line.size() < prefix.size() + suffix.size()) return {};
  return line.substr(prefix.size(), line.size() - prefix.size() - suffix.size());
}

// "# Linux/x86 6.12.117 Kernel Configuration" -> architecture and version
void read_header(std::string_view line, KernelConfig& config) {
  constexpr std::string_view prefix = "# Linux/";
  constexpr std::string_view suffix = " Kernel Configuration";
  if (!line.starts_with(prefix) || !line.ends_with(suffix) || !config.version.empty()) return;
  line = line.substr(prefix.size(), line.size() - prefix.size() - suffix.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return;
  config.architecture = line.substr(0, space);
  config.version = line.substr(space + 1);
}

std::optional<std::uint64_t> hexadecimal(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return {};
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

bool same_value(std::string_view requested, std::string_view got) {
  if (requested == got) return true;
  const auto left = hexadecimal(requested);
  return left && left == hexadecimal(got);
}

void set(KernelConfig& config, std::string_view symbol, ConfigValue value) {
  const auto found = config.values.find(symbol);
  if (found == config.values.end()) {
    config.values.emplace(symbol, std::move(value));
    return;
  }
  if (found->second.text != value.text)
    config.overrides.push_back({std::string(symbol), found->second, value});
  found->second = std::move(value);
}

}  // namespace

const ConfigValue* KernelConfig::find(std::string_view symbol) const {
  const auto found = values.find(symbol);
  return found == values.end() ? nullptr : &found->second;
}

std::string_view KernelConfig::value(std::string_view symbol) const {
  const ConfigValue* found = find(symbol);
  return found ? std::string_view(found->text) : "n";
}

Result<KernelConfig> parse_config(std::string_view text, const std::string& name) {
  KernelConfig config;
  std::size_t number = 0;
  for (const std::string_view raw : split_lines(text)) {
    ++number;
    const std::string_view line = trim(raw);
    const auto bad = [&](std::string_view what) {
      return refused(fmt::format("{}:{}: {}; expected CONFIG_NAME=value, '# CONFIG_NAME is not set' or a comment",
                                 name, number, what));
    };
    if (raw.contains('\0')) return bad("binary data");
    if (line.empty()) continue;
    if (line.starts_with('#')) {
      if (const auto symbol = not_set(line)) {
        if (!is_symbol(*symbol)) return bad(fmt::format("'{}' is not a symbol's name", *symbol));
        set(config, *symbol, {"n", name, number});
      } else {
        read_header(line, config);
        // A near miss ("#CONFIG_X is not set") would be read as a comment by the kernel too; say so.
        if (line.contains("CONFIG_") && line.ends_with("is not set"))
          config.warnings.push_back(fmt::format("{}:{}: read as a comment: {}", name, number, line));
      }
      continue;
    }
    if (!line.starts_with("CONFIG_")) return bad(fmt::format("'{:.60}'", line));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return bad(fmt::format("'{:.60}' has no value", line));
    const std::string_view symbol = line.substr(7, equals - 7);
    const std::string_view value = line.substr(equals + 1);
    if (!is_symbol(symbol)) return bad(fmt::format("'{:.60}' is not a symbol's name", symbol));
    if (value.empty()) return bad(fmt::format("CONFIG_{} has no value", symbol));
    if (!is_value(value)) return bad(fmt::format("CONFIG_{}: '{:.60}' is no y, m, n, number or quoted text", symbol, value));
    set(config, symbol, {std::string(value), name, number});
  }
  return config;
}

Result<KernelConfig> load_config(const std::filesystem::path& path) {
  CG_TRY(text, read_file(path, config_limit));
  return parse_config(text, path.string());
}

void merge_config(KernelConfig& base, const KernelConfig& later) {
  for (const auto& [symbol, value] : later.values) set(base, symbol, value);
  base.overrides.insert(base.overrides.end(), later.overrides.begin(), later.overrides.end());
  base.warnings.insert(base.warnings.end(), later.warnings.begin(), later.warnings.end());
  if (base.version.empty()) {
    base.version = later.version;
    base.architecture = later.architecture;
  }
}

std::vector<Mismatch> unmet_requests(const KernelConfig& requested, const KernelConfig& final_config) {
  std::vector<Mismatch> result;
  for (const auto& [symbol, value] : requested.values) {
    const std::string_view got = final_config.value(symbol);
    if (!same_value(value.text, got)) result.push_back({symbol, value, std::string(got)});
  }
  std::ranges::sort(result, {}, [](const Mismatch& m) { return std::tie(m.requested.file, m.requested.line); });
  return result;
}

std::string to_fragment(const KernelConfig& config) {
  std::string text;
  for (const auto& [symbol, value] : config.values)
    text += value.text == "n" ? fmt::format("# CONFIG_{} is not set\n", symbol)
                              : fmt::format("CONFIG_{}={}\n", symbol, value.text);
  return text;
}

}  // namespace cg

#include "kconfig/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

constexpr std::uint64_t config_limit = 64 << 20;  // bytes; the largest real one is below 1 MB

// By character, whether a symbol's name may have it.
constexpr auto symbol_letters = [] {
  std::array<bool, 256> letters{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"))
    letters[static_cast<unsigned char>(c)] = true;
  return letters;
}();

bool is_symbol(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return symbol_letters[static_cast<unsigned char>(c)]; });
}

std::string_view without_hexadecimal_mark(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  return text;
}

bool is_value(std::string_view value) {
  if (value == "y" || value == "n" || value == "m") return true;
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') return true;
  if (value.starts_with('-')) {
    value.remove_prefix(1);
    return !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
  }
  // conf takes a hexadecimal number with or without the 0x, and writes some without it
  // (RADIO_GEMTEK_PORT=34c).
  value = without_hexadecimal_mark(value);
  return !value.empty() && value.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// "# CONFIG_X is not set" -> X
std::optional<std::string_view> not_set(std::string_view line) {
  constexpr std::string_view prefix = "# CONFIG_";
  constexpr std::string_view suffix = " is not set";
  if (!line.starts_with(prefix) || !line.ends_with(suffix) || line.size() < prefix.size() + suffix.size())
    return {};
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
  text = without_hexadecimal_mark(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// A 0x on one side says that the other is hexadecimal, too: conf adds it to what it is given.
bool same_value(std::string_view requested, std::string_view got) {
  if (requested == got) return true;
  if (without_hexadecimal_mark(requested) == requested && without_hexadecimal_mark(got) == got) return false;
  const auto left = hexadecimal(requested);
  return left && left == hexadecimal(got);
}

// The beginning of a text that may be anything, fit for a terminal.
std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text.substr(0, 60)) result += c >= ' ' && c != '\x7f' ? c : '?';
  return result;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void set(KernelConfig& config, std::string_view symbol, const ConfigValue& value) {
  ConfigValue& stored = config.values[symbol];
  if (stored.line != 0 && stored.text != value.text)
    config.overrides.push_back({std::string(symbol), stored, value});
  stored = value;
}

}  // namespace

const ConfigValue* ConfigValues::find(std::string_view symbol) const {
  const kconfig::Index at = index_.find(symbol);
  return at == kconfig::none ? nullptr : &items_[at].second;
}

ConfigValue& ConfigValues::operator[](std::string_view symbol) {
  const kconfig::Index at = index_.intern(symbol, static_cast<kconfig::Index>(items_.size()));
  if (at == items_.size()) items_.push_back({symbol, {}});
  return items_[at].second;
}

void ConfigValues::reserve(std::size_t count) {
  items_.reserve(count);
  index_.reserve(count);
}

std::vector<ConfigValues::Item> ConfigValues::sorted() const {
  std::vector<Item> list = items_;
  std::ranges::sort(list, {}, &Item::first);
  return list;
}

std::string_view KernelConfig::value(std::string_view symbol) const {
  const ConfigValue* found = find(symbol);
  return found ? std::string_view(found->text) : "n";
}

Result<KernelConfig> parse_config(std::string bytes, const std::string& given_name) {
  KernelConfig config;
  config.texts = {std::make_shared<const std::string>(std::move(bytes)),
                  std::make_shared<const std::string>(given_name)};
  std::string_view rest = *config.texts[0];
  const std::string_view name = *config.texts[1];
  config.values.reserve(rest.size() / 32);                      // a line's usual length
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);  // the mark some editors put before UTF-8
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view raw = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::string_view line = trim(raw);
    const auto bad = [&](std::string_view what) {
      return refused(
          fmt::format("{}:{}: {}; expected CONFIG_NAME=value, '# CONFIG_NAME is not set' or a comment", name,
                      number, what));
    };
    if (raw.contains('\0')) return bad("binary data");
    if (line.empty()) continue;
    if (line.starts_with('#')) {
      if (const auto symbol = not_set(line)) {
        if (!is_symbol(*symbol)) return bad(fmt::format("'{}' is not a symbol's name", printable(*symbol)));
        set(config, *symbol, {"n", name, number});
      } else {
        read_header(line, config);
        // A near miss ("#CONFIG_X is not set") would be read as a comment by the kernel too; say so.
        if (line.contains("CONFIG_") && line.ends_with("is not set"))
          config.warnings.push_back(
              fmt::format("{}:{}: read as a comment: {}", name, number, printable(line)));
      }
      continue;
    }
    if (!line.starts_with("CONFIG_")) return bad(fmt::format("'{}'", printable(line)));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return bad(fmt::format("'{}' has no value", printable(line)));
    const std::string_view symbol = line.substr(7, equals - 7);
    const std::string_view value = line.substr(equals + 1);
    if (!is_symbol(symbol)) return bad(fmt::format("'{}' is not a symbol's name", printable(symbol)));
    if (value.empty()) return bad(fmt::format("CONFIG_{} has no value", symbol));
    if (!is_value(value))
      return bad(
          fmt::format("CONFIG_{}: '{}' is no y, m, n, number or quoted text", symbol, printable(value)));
    if (value.front() == '"' && !is_utf8(value))
      config.warnings.push_back(fmt::format("{}:{}: the text of CONFIG_{} is not UTF-8: {}", name, number,
                                            symbol, printable(value)));
    set(config, symbol, {value, name, number});
  }
  return config;
}

Result<KernelConfig> load_config(const std::filesystem::path& path) {
  CG_TRY(text, read_file(path, config_limit));
  return parse_config(std::move(text), path.string());
}

void merge_config(KernelConfig& base, const KernelConfig& later) {
  for (const auto& [symbol, value] : later.values) set(base, symbol, value);
  base.texts.insert(base.texts.end(), later.texts.begin(), later.texts.end());
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
    if (!same_value(value.text, got)) result.push_back({std::string(symbol), value, std::string(got)});
  }
  std::ranges::sort(result, {},
                    [](const Mismatch& m) { return std::tie(m.requested.file, m.requested.line); });
  return result;
}

std::string to_fragment(const KernelConfig& config) {
  std::string text;
  for (const auto& [symbol, value] : config.values.sorted())
    text += value.text == "n" ? fmt::format("# CONFIG_{} is not set\n", symbol)
                              : fmt::format("CONFIG_{}={}\n", symbol, value.text);
  return text;
}

}  // namespace cg

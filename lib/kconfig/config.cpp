#include "kconfig/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/text.h"

namespace cg {
namespace {

constexpr std::size_t most_notes = 100;           // of each kind, of a file
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

bool is_number(std::string_view value) {
  if (value.starts_with('-')) {
    value.remove_prefix(1);
    return !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
  }
  // conf takes a hexadecimal number with or without the 0x, and writes some without it
  // (RADIO_GEMTEK_PORT=34c).
  value = without_hexadecimal_mark(value);
  return !value.empty() && value.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

// How many characters of a value conf takes; 0: it drops the line.
std::size_t length_taken(std::string_view value) {
  if (value.empty()) return 0;
  if (value[0] == 'y' || value[0] == 'n' || value[0] == 'm') return 1;
  if (value[0] != '"') return is_number(value) ? value.size() : 0;
  for (std::size_t i = 1; i < value.size(); ++i) {
    if (value[i] == '"') return i + 1;
    if (value[i] == '\\') ++i;
  }
  return 0;  // a text without its closing quote
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
  line = trim(line);
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

// Kconfig ends each line, and its last is a whole one: a file that was not copied to its end.
bool is_cut_line(std::string_view line) {
  if (line.starts_with('#')) return line.contains("CONFIG_") && !line.ends_with(" is not set");
  const std::size_t equals = line.find('=');
  return !line.empty() && (!line.starts_with("CONFIG_") || equals == line.npos || equals + 1 == line.size());
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
  std::size_t dropped = 0;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.contains('\0')) return refused(fmt::format("{}:{}: binary data", name, number));
    if (line.ends_with('\r')) line.remove_suffix(1);
    const bool cut = end == std::string_view::npos && !config.version.empty() && is_cut_line(line);
    const auto note = [&](std::vector<std::string>& list, std::string_view what) {
      if (list.size() < most_notes) list.push_back(fmt::format("{}:{}: {}", name, number, what));
    };
    const auto drop = [&](std::string_view what) {
      ++dropped;
      note(config.dropped, what);
    };
    if (cut) {
      // What is not mentioned is not known then, as in a fragment.
      config.version.clear();
      note(config.warnings, fmt::format("the file ends within a line ('{}'): what should follow is not known",
                                        printable(line)));
      break;
    }
    if (line.starts_with('#')) {
      const auto symbol = not_set(line);
      if (symbol && is_symbol(*symbol)) {
        set(config, *symbol, {"n", name, number});
        continue;
      }
      read_header(line, config);
      // A near miss ("#CONFIG_X is not set") is read as a comment by the kernel too; say so.
      if (line.contains("CONFIG_") && trim(line).ends_with("is not set"))
        note(config.warnings, fmt::format("read as a comment: {}", printable(line)));
      continue;
    }
    if (!line.starts_with("CONFIG_")) {
      if (!trim(line).empty()) drop(fmt::format("conf drops '{}'", printable(line)));
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      drop(fmt::format("conf drops '{}': it has no value", printable(line)));
      continue;
    }
    const std::string_view symbol = line.substr(7, equals - 7);
    const std::string_view value = line.substr(equals + 1);
    if (!is_symbol(symbol)) {
      drop(fmt::format("conf drops '{}': '{}' is not a symbol's name", printable(line), printable(symbol)));
      continue;
    }
    const std::size_t length = length_taken(value);
    if (length == 0) {
      drop(fmt::format("conf drops CONFIG_{}: '{}' is no y, m, n, number or quoted text", symbol,
                       printable(value)));
      continue;
    }
    const std::string_view taken = value.substr(0, length);
    if (length < value.size())
      note(config.warnings, fmt::format("conf reads CONFIG_{}={}, and drops the rest of '{}'", symbol, taken,
                                        printable(value)));
    if (taken.front() == '"' && !is_utf8(taken))
      note(config.warnings, fmt::format("the text of CONFIG_{} is not UTF-8: {}", symbol, printable(taken)));
    set(config, symbol, {taken, name, number});
  }
  if (dropped > config.values.size())
    return refused(fmt::format(
        "{}; no configuration: expected CONFIG_NAME=value, '# CONFIG_NAME is not set' or a comment",
        config.dropped.front()));
  return config;
}

Result<KernelConfig> parse_request(std::string text, const std::string& name) {
  CG_TRY(config, parse_config(std::move(text), name));
  if (!config.dropped.empty())
    return refused(fmt::format("{}; expected CONFIG_NAME=value, '# CONFIG_NAME is not set' or a comment",
                               config.dropped.front()));
  return config;
}

Result<KernelConfig> load_request(const std::filesystem::path& path) {
  CG_TRY(text, read_file(path, config_limit));
  return parse_request(std::move(text), path.string());
}

void merge_config(KernelConfig& base, const KernelConfig& later) {
  for (const auto& [symbol, value] : later.values) set(base, symbol, value);
  base.texts.insert(base.texts.end(), later.texts.begin(), later.texts.end());
  base.overrides.insert(base.overrides.end(), later.overrides.begin(), later.overrides.end());
  base.warnings.insert(base.warnings.end(), later.warnings.begin(), later.warnings.end());
  base.dropped.insert(base.dropped.end(), later.dropped.begin(), later.dropped.end());
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

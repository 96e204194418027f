#include "base/toml.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace cg {

Result<toml::table> parse_toml(std::string_view text, const std::string& name) {
  try {
    return toml::parse(text, name);
  } catch (const toml::parse_error& error) {
    return refused(fmt::format("{}:{}:{}: {}", name, error.source().begin.line, error.source().begin.column,
                               error.description()));
  }
}

Result<toml::table> load_toml(const std::filesystem::path& path) {
  CG_TRY(text, read_file(path, 16 << 20));
  return parse_toml(text, path.string());
}

std::string position(const toml::node& node, const std::string& file) {
  return fmt::format("{}:{}:{}", file, node.source().begin.line, node.source().begin.column);
}

void TomlReader::fail(std::string_view key, const std::string& what) {
  if (error_) return;
  const toml::node* node = table_.get(key);
  error_ =
      Error{ErrorKind::refused,
            fmt::format("{}: {}: {}", position(node ? *node : static_cast<const toml::node&>(table_), file_),
                        key, what)};
}

std::string TomlReader::required_string(std::string_view key) {
  if (!table_.contains(key)) fail(key, "missing; a string is required");
  return string(key);
}

std::string TomlReader::string(std::string_view key, std::string fallback) {
  const toml::node* node = table_.get(key);
  if (!node) return fallback;
  if (const auto value = node->value_exact<std::string>()) return *value;
  fail(key, "not a string");
  return fallback;
}

std::int64_t TomlReader::integer(std::string_view key, std::int64_t fallback) {
  const toml::node* node = table_.get(key);
  if (!node) return fallback;
  if (const auto value = node->value_exact<std::int64_t>()) return *value;
  fail(key, "not an integer");
  return fallback;
}

bool TomlReader::boolean(std::string_view key, bool fallback) {
  const toml::node* node = table_.get(key);
  if (!node) return fallback;
  if (const auto value = node->value_exact<bool>()) return *value;
  fail(key, "not true or false");
  return fallback;
}

std::vector<std::string> TomlReader::strings(std::string_view key) {
  std::vector<std::string> result;
  const toml::node* node = table_.get(key);
  if (!node) return result;
  const toml::array* array = node->as_array();
  if (!array) fail(key, "not an array of strings");
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    if (const auto value = (*array)[i].value_exact<std::string>())
      result.push_back(*value);
    else
      fail(key, "not an array of strings");
  }
  return result;
}

std::vector<const toml::table*> TomlReader::tables(std::string_view key) {
  std::vector<const toml::table*> result;
  const toml::node* node = table_.get(key);
  if (!node) return result;
  const toml::array* array = node->as_array();
  if (!array) fail(key, "not an array of tables");
  for (std::size_t i = 0; array && i < array->size(); ++i) {
    if (const toml::table* element = (*array)[i].as_table())
      result.push_back(element);
    else
      fail(key, "not an array of tables");
  }
  return result;
}

const toml::table* TomlReader::table(std::string_view key) {
  const toml::node* node = table_.get(key);
  if (node && !node->as_table()) fail(key, "not a table");
  return node ? node->as_table() : nullptr;
}

void TomlReader::only(std::initializer_list<std::string_view> known) {
  for (const auto& [key, node] : table_) {
    if (std::ranges::find(known, key.str()) != known.end()) continue;
    fail(key.str(), "unknown key" + did_you_mean(key.str(), {known.begin(), known.end()}));
  }
}

Result<void> TomlReader::error() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace cg

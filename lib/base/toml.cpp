#include "base/toml.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace cg {

Result<TomlTable> load_toml(const std::filesystem::path& path) {
  CG_TRY(text, read_file(path, 16 << 20));
  return parse_toml(text, path.string());
}

std::string position(const TomlPlace& place, const std::string& file) {
  return fmt::format("{}:{}:{}", file, place.line, place.column);
}

void TomlReader::fail(std::string_view key, const std::string& what) {
  if (error_) return;
  const TomlValue* value = table_.find(key);
  error_ = Error{ErrorKind::refused,
                 fmt::format("{}: {}: {}", position(value ? value->place : table_.place, file_), key, what)};
}

const TomlValue* TomlReader::find(std::string_view key, TomlValue::Kind kind, std::string_view otherwise) {
  const TomlValue* value = table_.find(key);
  if (!value || value->kind == kind) return value;
  fail(key, std::string(otherwise));
  return nullptr;
}

std::string TomlReader::required_string(std::string_view key) {
  if (!table_.find(key)) fail(key, "missing; a string is required");
  return string(key);
}

std::string TomlReader::string(std::string_view key, std::string fallback) {
  const TomlValue* value = find(key, TomlValue::Kind::string, "not a string");
  return value ? value->text : std::move(fallback);
}

std::int64_t TomlReader::integer(std::string_view key, std::int64_t fallback) {
  const TomlValue* value = find(key, TomlValue::Kind::integer, "not an integer");
  return value ? value->integer : fallback;
}

bool TomlReader::boolean(std::string_view key, bool fallback) {
  const TomlValue* value = find(key, TomlValue::Kind::boolean, "not true or false");
  return value ? value->boolean : fallback;
}

std::vector<std::string> TomlReader::strings(std::string_view key) {
  std::vector<std::string> result;
  const TomlValue* list = find(key, TomlValue::Kind::array, "not an array of strings");
  if (!list) return result;
  for (const TomlValue& element : list->array) {
    if (element.kind == TomlValue::Kind::string)
      result.push_back(element.text);
    else
      fail(key, "not an array of strings");
  }
  return result;
}

std::vector<const TomlTable*> TomlReader::tables(std::string_view key) {
  std::vector<const TomlTable*> result;
  const TomlValue* list = find(key, TomlValue::Kind::array, "not an array of tables");
  if (!list) return result;
  for (const TomlValue& element : list->array) {
    if (element.kind == TomlValue::Kind::table)
      result.push_back(element.table.get());
    else
      fail(key, "not an array of tables");
  }
  return result;
}

const TomlTable* TomlReader::table(std::string_view key) {
  const TomlValue* value = find(key, TomlValue::Kind::table, "not a table");
  return value ? value->table.get() : nullptr;
}

void TomlReader::only(std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : table_.entries) {
    if (std::ranges::find(known, key) != known.end()) continue;
    fail(key, "unknown key" + did_you_mean(key, {known.begin(), known.end()}));
  }
}

Result<void> TomlReader::error() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace cg

#include "base/toml/toml.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace cg {

using Kind = TomlNode::Kind;

const TomlNode* TomlNode::find(std::string_view wanted) const {
  const auto inside = children();
  const auto found = std::ranges::find(inside.begin(), inside.end(), wanted, &TomlNode::key);
  return found == inside.end() ? nullptr : &*found;
}

Result<TomlDocument> load_toml(const std::filesystem::path& path) {
  CG_TRY(text, read_file(path, 16 << 20));
  return parse_toml(text, path.string());
}

std::string position(const TomlNode& node, const std::string& file) {
  return fmt::format("{}:{}:{}", file, node.line, node.column);
}

void TomlReader::fail(std::string_view key, const std::string& what) {
  if (error_) return;
  const TomlNode* value = table_.find(key);
  error_ = Error{ErrorKind::refused,
                 fmt::format("{}: {}: {}", position(value ? *value : table_, file_), key, what)};
}

const TomlNode* TomlReader::find(std::string_view key, Kind kind, std::string_view or_else) {
  const TomlNode* value = table_.find(key);
  if (!value || value->kind == kind) return value;
  fail(key, std::string(or_else));
  return nullptr;
}

std::vector<const TomlNode*> TomlReader::elements(std::string_view key, Kind kind, std::string_view or_else) {
  std::vector<const TomlNode*> result;
  const TomlNode* list = find(key, Kind::array, or_else);
  if (!list) return result;
  for (const TomlNode& element : list->children()) {
    if (element.kind == kind)
      result.push_back(&element);
    else
      fail(key, std::string(or_else));
  }
  return result;
}

std::string TomlReader::required_string(std::string_view key) {
  if (!table_.find(key)) fail(key, "missing; a string is required");
  return string(key);
}

std::string TomlReader::string(std::string_view key, std::string fallback) {
  const TomlNode* value = find(key, Kind::string, "not a string");
  return value ? std::string(value->text) : std::move(fallback);
}

std::int64_t TomlReader::integer(std::string_view key, std::int64_t fallback) {
  const TomlNode* value = find(key, Kind::integer, "not an integer");
  return value ? value->integer : fallback;
}

bool TomlReader::boolean(std::string_view key, bool fallback) {
  const TomlNode* value = find(key, Kind::boolean, "not true or false");
  return value ? value->boolean() : fallback;
}

std::vector<std::string> TomlReader::strings(std::string_view key) {
  std::vector<std::string> result;
  for (const TomlNode* element : elements(key, Kind::string, "not an array of strings"))
    result.emplace_back(element->text);
  return result;
}

std::vector<const TomlNode*> TomlReader::tables(std::string_view key) {
  return elements(key, Kind::table, "not an array of tables");
}

const TomlNode* TomlReader::table(std::string_view key) {
  return find(key, Kind::table, "not a table");
}

void TomlReader::only(std::initializer_list<std::string_view> known) {
  for (const TomlNode& value : table_.children()) {
    if (std::ranges::find(known, value.key) != known.end()) continue;
    fail(value.key, "unknown key" + did_you_mean(value.key, {known.begin(), known.end()}));
  }
}

Result<void> TomlReader::error() const {
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace cg

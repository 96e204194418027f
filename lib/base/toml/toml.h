// TOML read key by key, with errors that name file and line, and unknown keys that name the nearest known
// one.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/toml/toml_node.h"

namespace cg {

// A parsed text. Its nodes refer to its words: it may be moved, not copied.
class TomlDocument {
 public:
  TomlDocument(std::vector<TomlNode> nodes, std::deque<std::string> words)
      : nodes_(std::move(nodes)), words_(std::move(words)) {}
  TomlDocument(TomlDocument&&) noexcept = default;
  TomlDocument& operator=(TomlDocument&&) noexcept = default;
  const TomlNode& root() const { return nodes_.front(); }
  const std::vector<TomlNode>& nodes() const { return nodes_; }

 private:
  std::vector<TomlNode> nodes_;  // the root table first
  std::deque<std::string> words_;
};

// Refused, with "name:line:column: what", when the text is not TOML 1.0.0, or longer or nested deeper than
// anybody writes.
Result<TomlDocument> parse_toml(std::string_view text, const std::string& name);
Result<TomlDocument> load_toml(const std::filesystem::path& path);

// Reads one table. The getters return the first error through error(): ask once, after reading all keys.
class TomlReader {
 public:
  TomlReader(const TomlNode& table, std::string file) : table_(table), file_(std::move(file)) {}

  std::string required_string(std::string_view key);
  std::string string(std::string_view key, std::string fallback = {});
  std::int64_t integer(std::string_view key, std::int64_t fallback);
  bool boolean(std::string_view key, bool fallback);
  std::vector<std::string> strings(std::string_view key);     // an array of strings; absent: empty
  std::vector<const TomlNode*> tables(std::string_view key);  // an array of tables; absent: empty
  const TomlNode* table(std::string_view key);                // absent: nullptr
  // Every key must be one of `known`.
  void only(std::initializer_list<std::string_view> known);
  // Records an error at `key` (or at the table itself when the key is absent).
  void fail(std::string_view key, const std::string& what);

  const std::string& file() const { return file_; }
  Result<void> error() const;

 private:
  // The value of `key` when it is of that kind; else nullptr, and an error when it is of another.
  const TomlNode* find(std::string_view key, TomlNode::Kind kind, std::string_view or_else);
  std::vector<const TomlNode*> elements(std::string_view key, TomlNode::Kind kind, std::string_view or_else);

  const TomlNode& table_;
  std::string file_;
  std::optional<Error> error_;
};

// "file:line:column".
std::string position(const TomlNode& node, const std::string& file);

}  // namespace cg

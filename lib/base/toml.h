// TOML with errors that name file and line, and unknown keys that name the nearest known one.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

// Refused, with "file:line:column: what", when the text is not TOML.
Result<toml::table> parse_toml(std::string_view text, const std::string& name);
Result<toml::table> load_toml(const std::filesystem::path& path);

// Reads one table. The getters return the first error through error(): ask once, after reading all keys.
class TomlReader {
 public:
  TomlReader(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {}

  std::string required_string(std::string_view key);
  std::string string(std::string_view key, std::string fallback = {});
  std::int64_t integer(std::string_view key, std::int64_t fallback);
  bool boolean(std::string_view key, bool fallback);
  std::vector<std::string> strings(std::string_view key);        // an array of strings; absent: empty
  std::vector<const toml::table*> tables(std::string_view key);  // an array of tables; absent: empty
  const toml::table* table(std::string_view key);                // absent: nullptr
  // Every key must be one of `known`.
  void only(std::initializer_list<std::string_view> known);
  // Records an error at `key` (or at the table itself when the key is absent).
  void fail(std::string_view key, const std::string& what);

  const std::string& file() const { return file_; }
  Result<void> error() const;

 private:
  const toml::table& table_;
  std::string file_;
  std::optional<Error> error_;
};

// "file:line:column" of a node.
std::string position(const toml::node& node, const std::string& file);

}  // namespace cg

// Tables of TOML read key by key, with errors that name file and line, and unknown keys that name the nearest
// known one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/toml_document.h"

namespace cg {

Result<TomlTable> load_toml(const std::filesystem::path& path);

// Reads one table. The getters return the first error through error(): ask once, after reading all keys.
class TomlReader {
 public:
  TomlReader(const TomlTable& table, std::string file) : table_(table), file_(std::move(file)) {}

  std::string required_string(std::string_view key);
  std::string string(std::string_view key, std::string fallback = {});
  std::int64_t integer(std::string_view key, std::int64_t fallback);
  bool boolean(std::string_view key, bool fallback);
  std::vector<std::string> strings(std::string_view key);      // an array of strings; absent: empty
  std::vector<const TomlTable*> tables(std::string_view key);  // an array of tables; absent: empty
  const TomlTable* table(std::string_view key);                // absent: nullptr
  // Every key must be one of `known`.
  void only(std::initializer_list<std::string_view> known);
  // Records an error at `key` (or at the table itself when the key is absent).
  void fail(std::string_view key, const std::string& what);

  const std::string& file() const { return file_; }
  Result<void> error() const;

 private:
  // The value of `key` when it is of that kind; else nullptr, and an error when it is of another.
  const TomlValue* find(std::string_view key, TomlValue::Kind kind, std::string_view otherwise);

  const TomlTable& table_;
  std::string file_;
  std::optional<Error> error_;
};

// "file:line:column".
std::string position(const TomlPlace& place, const std::string& file);

}  // namespace cg

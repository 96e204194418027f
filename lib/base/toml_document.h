// TOML 1.0.0 (toml.io/en/v1.0.0) as a tree of values, each with its place: recipes, the requirement matrix,
// waivers. What the specification calls invalid is refused, and so is nesting deeper than anybody writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

struct TomlPlace {
  std::size_t line = 1;    // from 1
  std::size_t column = 1;  // from 1, in bytes
};

struct TomlTable;

struct TomlValue {
  enum class Kind {
    string,
    integer,
    floating,
    boolean,
    date,
    time,
    array,
    table
  };  // time: with a date, or not
  Kind kind = Kind::table;
  TomlPlace place;
  std::string text;  // a string's content; of a float, a date and a time what is written
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<TomlValue> array;
  bool array_of_headers = false;     // [[name]]: grows by each further header
  std::unique_ptr<TomlTable> table;  // not null where kind is table

  TomlValue() = default;
  TomlValue(TomlValue&&) noexcept;
  TomlValue& operator=(TomlValue&&) noexcept;
  ~TomlValue();
};

struct TomlTable {
  std::map<std::string, std::unique_ptr<TomlValue>, std::less<>> entries;
  TomlPlace place;
  // What made it decides what may still be added to it: nothing to one in braces, its own keys once to a
  // header's.
  enum class Origin { implied_by_header, header, dotted_key, braces } origin = Origin::header;
  std::size_t section = 0;  // with dotted_key: of the header under which the key stands

  const TomlValue* find(std::string_view key) const;  // nullptr when absent
};

// Refused, with "name:line:column: what", when the text is not TOML.
Result<TomlTable> parse_toml(std::string_view text, const std::string& name);

// A value that is one word: a number, a date, a time, true or false. False when `text` is none of them;
// `wrong` then says why where there is more to say.
bool read_toml_word(std::string_view text, TomlValue& value, std::string& wrong);

}  // namespace cg

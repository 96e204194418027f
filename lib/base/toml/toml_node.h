// A TOML document as a flat list of nodes in the order of its tree: right behind a table or an array stand
// the nodes in it. Two makers fill such lists: the parser (toml_parser.cpp) from a user's file when the
// program runs, and toml-tables (cmake/toml_tables.cpp) from the files of recipes/ that are compiled in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

namespace cg {

struct TomlNode {
  enum class Kind : std::uint8_t { string, integer, floating, boolean, date, time, array, table };
  class Children;

  Kind kind = Kind::table;
  std::uint32_t line = 1;    // from 1
  std::uint32_t column = 1;  // from 1, in characters
  std::uint32_t size = 1;    // nodes, with itself and all that are in it
  std::int64_t integer = 0;  // of a boolean 0 or 1
  std::string_view key;      // in a table
  std::string_view text;     // a string's content; of a date "2026-12-31"

  bool boolean() const { return integer != 0; }
  Children children() const;                         // of a table by their keys' order
  const TomlNode* find(std::string_view key) const;  // nullptr when absent
};

// A node knows the others by where it stands: its children begin at the next one, its sibling `size` further.
class TomlNode::Children {
 public:
  class Iterator {
   public:
    using value_type = TomlNode;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::forward_iterator_tag;
    using pointer = const TomlNode*;
    using reference = const TomlNode&;
    Iterator() = default;
    explicit Iterator(const TomlNode* at) : at_(at) {}
    reference operator*() const { return *at_; }
    pointer operator->() const { return at_; }
    Iterator& operator++() {
      at_ += at_->size;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const TomlNode* at_ = nullptr;
  };
  explicit Children(const TomlNode& parent) : parent_(&parent) {}
  Iterator begin() const { return Iterator(parent_ + 1); }
  Iterator end() const { return Iterator(parent_ + parent_->size); }

 private:
  const TomlNode* parent_;
};

inline TomlNode::Children TomlNode::children() const {
  return Children(*this);
}

}  // namespace cg

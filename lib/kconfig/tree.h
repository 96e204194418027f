// What the kernel's Kconfig files say, as tables: symbols, the entries that define them, each entry's
// properties, and expressions. Indices stand for pointers; names and texts are views into the files, which
// the tree owns. Language: Documentation/kbuild/kconfig-language.rst and scripts/kconfig in the kernel tree.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kconfig/config.h"
#include "kconfig/name_table.h"

namespace cg::kconfig {

struct Place {
  Index file = none;  // into Tree::files
  std::uint32_t line = 0;
};

enum class Type : std::uint8_t { unknown, boolean, tristate, integer, hexadecimal, string };

// A symbol, or a constant: what stands in quotes is never a symbol, and a word that nothing defines has its
// own name as value. An opaque constant is a macro that only the compiler or a shell could expand.
struct Symbol {
  std::string_view name;
  Type type = Type::unknown;
  bool constant = false;
  bool opaque = false;
  Index first_entry = none;  // chained by Entry::next_of_symbol, in the order of the files
  Index last_entry = none;
  Index first_selection =
      none;  // the select and imply properties that aim at it, by Property::next_of_target
};

enum class Operator : std::uint8_t {
  symbol,  // left: a symbol
  negation,
  conjunction,
  disjunction,
  equal,  // left, right: symbols
  unequal,
  less,
  at_most,
  greater,
  at_least,
};
struct Expression {
  Operator op = Operator::symbol;
  Index left = none;
  Index right = none;
};

enum class PropertyKind : std::uint8_t {
  prompt,
  default_value,  // value: an expression; in a choice, the symbol's expression
  select,         // value: a symbol
  imply,          // value: a symbol
  range,          // value, upper: symbols
  depends,        // value: an expression
  visible_if,     // value: an expression
};
struct Property {
  PropertyKind kind = PropertyKind::prompt;
  Index entry = none;
  Index value = none;
  Index upper = none;
  Index condition = none;  // an expression; none: always
  Index next_of_target = none;
  std::uint32_t line = 0;
  std::string_view text;  // of a prompt
};

enum class EntryKind : std::uint8_t { root, config, choice, menu, if_block, comment };
struct Entry {
  EntryKind kind = EntryKind::root;
  Index symbol = none;  // of a config
  Index parent = none;
  Place place;
  Index first_property = 0;  // properties are contiguous
  Index property_count = 0;
  Index next_of_symbol = none;
};

struct Tree {
  std::vector<std::string> files;  // relative to the tree
  std::vector<Symbol> symbols;
  std::vector<Entry> entries;  // 0: the root
  std::vector<Property> properties;
  std::vector<Expression> expressions;
  std::vector<std::string> warnings;  // "file:line: what"
  std::string version;                // of the kernel, from its Makefile; may be empty
  std::string architecture;           // the folder below arch/ that was read
  std::string arch;                   // ARCH as the Makefile hands it on: "x86_64" where the folder is x86
  std::filesystem::path directory;    // empty: not read from one
  Index modules = none;               // the symbol that stands for "modules can be loaded"
  NameTable names;                    // of the symbols that are no constants

  const Symbol* find(std::string_view name) const;
  Index index_of(std::string_view name) const { return names.find(name); }
  bool is_defined(Index symbol) const { return symbols[symbol].first_entry != none; }
  std::string where(Place place) const;  // "net/Kconfig:34"
  std::string where(const Property& property) const;
  // As it is written, with the fewest parentheses.
  std::string text_of(Index expression) const;
  // The names of all symbols that an entry defines.
  std::vector<std::string> defined_names() const;
  std::size_t definition_count() const;

  std::deque<std::unique_ptr<char[]>> storage;  // the files' bytes and expanded texts
};

struct TreeOptions {
  std::string architecture;  // as in SRCARCH and in a configuration's header: "x86", "arm64"
};

// Reads <directory>/Kconfig and all it sources. Refused, with file and line, for text that is no Kconfig and
// for a source that is not there.
Result<Tree> load_tree(const std::filesystem::path& directory, const TreeOptions& options);
// Files by name instead of a directory; "Kconfig" is the first. `variables` are those of the environment.
Result<Tree> parse_tree(const std::map<std::string, std::string>& files,
                        const std::map<std::string, std::string, std::less<>>& variables = {});

// ARCH as a user or a configuration's header says it ("x86_64", "aarch64", "sparc64") -> the folder below
// arch/.
std::string source_architecture(std::string_view name);
// -> ARCH: mostly that folder, but x86_64 or i386 decide whether 64BIT is a question at all.
std::string make_architecture(std::string_view name);

}  // namespace cg::kconfig

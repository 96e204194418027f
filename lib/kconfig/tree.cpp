#include "kconfig/tree.h"

#include <fmt/format.h>

namespace cg::kconfig {
namespace {

std::string_view sign_of(Operator op) {
  switch (op) {
    case Operator::equal:
      return "=";
    case Operator::unequal:
      return "!=";
    case Operator::less:
      return "<";
    case Operator::at_most:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::at_least:
      return ">=";
    case Operator::conjunction:
      return " && ";
    case Operator::disjunction:
      return " || ";
    case Operator::symbol:
    case Operator::negation:
      break;
  }
  return "";
}

void write_symbol(const Tree& tree, Index symbol, std::string& out) {
  const Symbol& s = tree.symbols[symbol];
  const bool quoted = s.constant && !s.opaque && s.name != "y" && s.name != "m" && s.name != "n";
  if (quoted) out += '"';
  out += s.name;
  if (quoted) out += '"';
}

void write_expression(const Tree& tree, Index index, Operator around, std::string& out) {
  const Expression& e = tree.expressions[index];
  switch (e.op) {
    case Operator::symbol:
      write_symbol(tree, e.left, out);
      return;
    case Operator::negation:
      out += '!';
      write_expression(tree, e.left, Operator::negation, out);
      return;
    case Operator::conjunction:
    case Operator::disjunction: {
      // The left spine is as long as the file's line: a loop, not a recursion.
      std::vector<Index> parts;
      Index spine = index;
      for (; tree.expressions[spine].op == e.op; spine = tree.expressions[spine].left)
        parts.push_back(tree.expressions[spine].right);
      const bool parentheses =
          around == Operator::negation || (around == Operator::conjunction && e.op == Operator::disjunction);
      if (parentheses) out += '(';
      write_expression(tree, spine, e.op, out);
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        out += sign_of(e.op);
        write_expression(tree, *part, e.op, out);
      }
      if (parentheses) out += ')';
      return;
    }
    default:
      write_symbol(tree, e.left, out);
      out += sign_of(e.op);
      write_symbol(tree, e.right, out);
      return;
  }
}

}  // namespace

const Symbol* Tree::find(std::string_view name) const {
  const Index index = names.find(name);
  return index == none ? nullptr : &symbols[index];
}

std::string Tree::where(Place place) const {
  return place.file == none ? std::string("?") : fmt::format("{}:{}", files[place.file], place.line);
}

std::string Tree::where(const Property& property) const {
  return where(Place{entries[property.entry].place.file, property.line});
}

std::string Tree::text_of(Index expression) const {
  if (expression == none) return "y";
  std::string out;
  write_expression(*this, expression, Operator::disjunction, out);
  return out;
}

std::vector<std::string> Tree::defined_names() const {
  std::vector<std::string> list;
  for (const Symbol& symbol : symbols)
    if (symbol.first_entry != none) list.emplace_back(symbol.name);
  return list;
}

std::size_t Tree::definition_count() const {
  std::size_t count = 0;
  for (const Symbol& symbol : symbols) count += symbol.first_entry != none;
  return count;
}

std::string source_architecture(std::string_view name) {
  static const std::map<std::string_view, std::string_view> folders = {
      {"x86_64", "x86"},      {"i386", "x86"},
      {"aarch64", "arm64"},   {"armv7l", "arm"},
      {"ppc64le", "powerpc"}, {"ppc64", "powerpc"},
      {"s390x", "s390"},      {"riscv64", "riscv"},
      {"riscv32", "riscv"},   {"loongarch64", "loongarch"},
      {"mips64", "mips"},     {"sparc64", "sparc"},
      {"sparc32", "sparc"},   {"parisc64", "parisc"}};
  const auto found = folders.find(name);
  return std::string(found == folders.end() ? name : found->second);
}

std::string make_architecture(std::string_view name) {
  for (const std::string_view own : {"x86_64", "i386", "sparc64", "sparc32", "parisc64"})
    if (name == own) return std::string(name);
  return source_architecture(name);
}

}  // namespace cg::kconfig

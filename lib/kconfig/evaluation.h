// What a Kconfig tree says about a resolved configuration: the value of expressions, whether a symbol's
// prompt is visible, what its dependencies, selects, implies and defaults come to. The values of symbols are
// those of the configuration, never computed: the kernel's own conf resolved it, and this explains the
// result. The rules are those of scripts/kconfig/symbol.c of Linux 6.12.
//
// A macro that only the compiler could answer is taken as the configuration shows it: it held for a symbol
// that the configuration mentions, and did not for one that is missing. `opaque_seen()` tells that this was
// needed.
#pragma once

#include <span>
#include <vector>

#include "kconfig/tree.h"

namespace cg::kconfig {

enum class Tristate : std::uint8_t { no, module, yes };
inline Tristate both(Tristate a, Tristate b) {
  return a < b ? a : b;
}
inline Tristate either(Tristate a, Tristate b) {
  return a > b ? a : b;
}
char letter(Tristate value);  // n, m, y

class Evaluation {
 public:
  Evaluation(const Tree& tree, const KernelConfig& config);

  const Tree& tree() const { return *tree_; }
  // Whether the configuration has a line for it, "is not set" included.
  bool is_mentioned(Index symbol) const { return values_[symbol] != nullptr; }
  Tristate value(Index symbol) const;
  std::string_view text(Index symbol) const;  // as conf compares it: strings without their quotes
  // `asker`: the symbol whose line it is, for macros; or none.
  Tristate evaluate(Index expression, Index asker = none) const;

  // An entry's own dependencies and those of the menus, ifs and choices around it.
  Tristate dependency(Index entry) const;
  Tristate condition(const Property& property) const;  // with the entry's dependencies
  Tristate visibility(Index symbol) const;             // of the most visible prompt; no without one
  Tristate direct_dependency(Index symbol) const;
  Tristate selected(Index symbol) const;
  Tristate implied(Index symbol) const;
  // The default that counts: the first whose condition holds. nullptr: none does.
  const Property* default_property(Index symbol) const;
  const Property* range_property(Index symbol) const;
  bool has_prompt(Index symbol) const;
  // The choice that the symbol is a member of, or none.
  Index choice_of(Index symbol) const;
  // The value conf gives a bool or tristate that nobody can ask for: selects, defaults and implies.
  Tristate derived(Index symbol) const;

  // From now on `symbol` counts as having this value: for the question "and if it were set?".
  void assume(Index symbol, Tristate value);
  std::span<const Property> properties(Index entry) const;
  Tristate modules() const { return modules_; }

  bool opaque_seen() const { return opaque_seen_; }
  void forget_opaque() const { opaque_seen_ = false; }

 private:
  Tristate aimed_at(Index symbol, PropertyKind kind) const;
  Tristate compare(const Expression& expression) const;
  bool is_boolean(Index symbol) const { return tree_->symbols[symbol].type == Type::boolean; }

  const Tree* tree_;
  std::vector<const ConfigValue*> values_;  // by symbol
  std::vector<Tristate> tristates_;         // by symbol
  mutable std::vector<std::uint8_t>
      dependencies_;  // by entry: 0 not known yet, else 1 + value, +4 when opaque
  Tristate modules_ = Tristate::no;
  mutable bool opaque_seen_ = false;
};

}  // namespace cg::kconfig

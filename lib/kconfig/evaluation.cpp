#include "kconfig/evaluation.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace cg::kconfig {
namespace {

Tristate tristate_of(std::string_view text) {
  return text == "y" ? Tristate::yes : text == "m" ? Tristate::module : Tristate::no;
}

// A side of a comparison as scripts/kconfig/expr.c reads it.
struct Number {
  enum class Kind { text, with_sign, without_sign } kind = Kind::text;
  std::uint64_t bits = 0;
};

Number number_of(std::string_view view, Type type) {
  if (type == Type::boolean || type == Type::tristate) {
    const std::int64_t value = view == "n" ? 0 : view == "m" ? 1 : view == "y" ? 2 : -1;
    return {Number::Kind::with_sign, static_cast<std::uint64_t>(value)};
  }
  const std::string text(view);
  char* tail = nullptr;
  errno = 0;
  Number number;
  if (type == Type::hexadecimal) {
    number = {Number::Kind::without_sign, std::strtoull(text.c_str(), &tail, 16)};
  } else {
    const long long value = std::strtoll(text.c_str(), &tail, type == Type::integer ? 10 : 0);
    number = {Number::Kind::with_sign, static_cast<std::uint64_t>(value)};
  }
  const bool whole = errno == 0 && *tail == '\0' && tail > text.c_str();
  return whole ? number : Number{};
}

}  // namespace

char letter(Tristate value) {
  return value == Tristate::yes ? 'y' : value == Tristate::module ? 'm' : 'n';
}

Evaluation::Evaluation(const Tree& tree, const KernelConfig& config)
    : tree_(&tree),
      values_(tree.symbols.size()),
      tristates_(tree.symbols.size()),
      dependencies_(tree.entries.size()) {
  for (Index i = 0; i < tree.symbols.size(); ++i)
    if (tree.symbols[i].constant) tristates_[i] = tristate_of(tree.symbols[i].name);
  for (const auto& [name, value] : config.values) {
    const Index symbol = tree.names.find(name);
    if (symbol == none) continue;
    values_[symbol] = &value;
    // Only bools and tristates have such a value; a word without a definition is a constant text, never y.
    const Type type = tree.symbols[symbol].type;
    if (type == Type::boolean || type == Type::tristate) tristates_[symbol] = tristate_of(value.text);
  }
  if (tree.modules != none) modules_ = tristates_[tree.modules];
}

void Evaluation::assume(Index symbol, Tristate value) {
  tristates_[symbol] = value;
  if (symbol == tree_->modules) modules_ = value;
  std::ranges::fill(dependencies_, std::uint8_t{0});
}

std::span<const Property> Evaluation::properties(Index index) const {
  const Entry& entry = tree_->entries[index];
  return std::span(tree_->properties).subspan(entry.first_property, entry.property_count);
}

Tristate Evaluation::value(Index symbol) const {
  return tristates_[symbol];
}

std::string_view Evaluation::text(Index symbol) const {
  const Symbol& s = tree_->symbols[symbol];
  if (s.constant || s.first_entry == none) return s.name;
  if (s.type == Type::boolean || s.type == Type::tristate)
    return tristates_[symbol] == Tristate::yes ? "y" : tristates_[symbol] == Tristate::module ? "m" : "n";
  if (const ConfigValue* value = values_[symbol]) {
    std::string_view text = value->text;
    if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
    return text;
  }
  switch (s.type) {
    case Type::integer:
      return "0";
    case Type::hexadecimal:
      return "0x0";
    case Type::string:
      return "";
    default:
      return "n";
  }
}

Tristate Evaluation::compare(const Expression& e) const {
  const Symbol& left = tree_->symbols[e.left];
  const Symbol& right = tree_->symbols[e.right];
  const std::string_view left_text = text(e.left);
  const std::string_view right_text = text(e.right);
  Number a, b;
  if (left.type != Type::string || right.type != Type::string) {
    a = number_of(left_text, left.type);
    b = number_of(right_text, right.type);
  }
  int order = 0;
  if (a.kind == Number::Kind::text || b.kind == Number::Kind::text) {
    order = left_text.compare(right_text);
  } else if (a.kind == Number::Kind::without_sign || b.kind == Number::Kind::without_sign) {
    order = (a.bits > b.bits) - (a.bits < b.bits);
  } else {
    const auto x = static_cast<std::int64_t>(a.bits);
    const auto y = static_cast<std::int64_t>(b.bits);
    order = (x > y) - (x < y);
  }
  bool holds = false;
  switch (e.op) {
    case Operator::equal:
      holds = order == 0;
      break;
    case Operator::unequal:
      holds = order != 0;
      break;
    case Operator::less:
      holds = order < 0;
      break;
    case Operator::at_most:
      holds = order <= 0;
      break;
    case Operator::greater:
      holds = order > 0;
      break;
    case Operator::at_least:
      holds = order >= 0;
      break;
    default:
      break;
  }
  return holds ? Tristate::yes : Tristate::no;
}

Tristate Evaluation::evaluate(Index expression, Index asker) const {
  if (expression == none) return Tristate::yes;
  const Expression& e = tree_->expressions[expression];
  switch (e.op) {
    case Operator::symbol: {
      const Symbol& s = tree_->symbols[e.left];
      if (s.opaque) {
        opaque_seen_ = true;
        return asker == none || is_mentioned(asker) ? Tristate::yes : Tristate::no;
      }
      const Tristate v = value(e.left);
      // "m" in an expression means "m where modules can be loaded".
      return s.constant && v == Tristate::module ? both(v, modules_) : v;
    }
    case Operator::negation:
      return static_cast<Tristate>(2 - static_cast<int>(evaluate(e.left, asker)));
    case Operator::conjunction:
    case Operator::disjunction: {
      const bool all = e.op == Operator::conjunction;
      Tristate result = all ? Tristate::yes : Tristate::no;
      Index spine = expression;
      for (; tree_->expressions[spine].op == e.op; spine = tree_->expressions[spine].left) {
        const Tristate part = evaluate(tree_->expressions[spine].right, asker);
        result = all ? both(result, part) : either(result, part);
      }
      const Tristate part = evaluate(spine, asker);
      return all ? both(result, part) : either(result, part);
    }
    default: {
      const bool opaque = tree_->symbols[e.left].opaque || tree_->symbols[e.right].opaque;
      if (!opaque) return compare(e);
      opaque_seen_ = true;
      return asker == none || is_mentioned(asker) ? Tristate::yes : Tristate::no;
    }
  }
}

Tristate Evaluation::dependency(Index index) const {
  std::uint8_t& known = dependencies_[index];
  if (known == 0) {
    const bool before = opaque_seen_;
    opaque_seen_ = false;
    const Entry& entry = tree_->entries[index];
    Tristate result = entry.parent == none ? Tristate::yes : dependency(entry.parent);
    for (const Property& property : properties(index))
      if (property.kind == PropertyKind::depends)
        result = both(result, evaluate(property.value, entry.symbol));
    known = static_cast<std::uint8_t>(1 + static_cast<int>(result) + (opaque_seen_ ? 4 : 0));
    opaque_seen_ |= before;
  }
  if (known > 4) opaque_seen_ = true;
  return static_cast<Tristate>((known & 3) - 1);
}

Tristate Evaluation::condition(const Property& property) const {
  const Tristate around = dependency(property.entry);
  if (around == Tristate::no) return around;
  return both(around, evaluate(property.condition, tree_->entries[property.entry].symbol));
}

bool Evaluation::has_prompt(Index symbol) const {
  for (Index at = tree_->symbols[symbol].first_entry; at != none; at = tree_->entries[at].next_of_symbol)
    for (const Property& property : properties(at))
      if (property.kind == PropertyKind::prompt) return true;
  return false;
}

Tristate Evaluation::visibility(Index symbol) const {
  Tristate result = Tristate::no;
  for (Index at = tree_->symbols[symbol].first_entry; at != none; at = tree_->entries[at].next_of_symbol) {
    const Entry& entry = tree_->entries[at];
    for (const Property& property : properties(at)) {
      if (property.kind != PropertyKind::prompt) continue;
      Tristate visible = condition(property);
      for (Index menu = entry.parent; menu != none; menu = tree_->entries[menu].parent)
        for (const Property& of_menu : properties(menu))
          if (of_menu.kind == PropertyKind::visible_if)
            visible = both(visible, evaluate(of_menu.value, symbol));
      result = either(result, visible);
    }
  }
  const bool to_yes = tree_->symbols[symbol].type != Type::tristate || modules_ == Tristate::no;
  return result == Tristate::module && to_yes ? Tristate::yes : result;
}

Tristate Evaluation::direct_dependency(Index symbol) const {
  Tristate result = Tristate::no;
  for (Index at = tree_->symbols[symbol].first_entry; at != none; at = tree_->entries[at].next_of_symbol)
    result = either(result, dependency(at));
  return result == Tristate::module && is_boolean(symbol) ? Tristate::yes : result;
}

Tristate Evaluation::aimed_at(Index symbol, PropertyKind kind) const {
  Tristate result = Tristate::no;
  for (Index at = tree_->symbols[symbol].first_selection; at != none;
       at = tree_->properties[at].next_of_target) {
    const Property& property = tree_->properties[at];
    const Index by = tree_->entries[property.entry].symbol;
    if (property.kind != kind || by == none) continue;
    const Tristate by_value = value(by);
    if (by_value > result) result = either(result, both(by_value, condition(property)));
  }
  return result == Tristate::module && is_boolean(symbol) ? Tristate::yes : result;
}

Tristate Evaluation::selected(Index symbol) const {
  return aimed_at(symbol, PropertyKind::select);
}
Tristate Evaluation::implied(Index symbol) const {
  return aimed_at(symbol, PropertyKind::imply);
}

const Property* Evaluation::default_property(Index symbol) const {
  for (Index at = tree_->symbols[symbol].first_entry; at != none; at = tree_->entries[at].next_of_symbol)
    for (const Property& property : properties(at))
      if (property.kind == PropertyKind::default_value && condition(property) != Tristate::no)
        return &property;
  return nullptr;
}

const Property* Evaluation::range_property(Index symbol) const {
  for (Index at = tree_->symbols[symbol].first_entry; at != none; at = tree_->entries[at].next_of_symbol)
    for (const Property& property : properties(at))
      if (property.kind == PropertyKind::range && condition(property) != Tristate::no) return &property;
  return nullptr;
}

Index Evaluation::choice_of(Index symbol) const {
  for (Index at = tree_->symbols[symbol].first_entry; at != none; at = tree_->entries[at].next_of_symbol) {
    bool asks = false;
    for (const Property& property : properties(at)) asks |= property.kind == PropertyKind::prompt;
    if (!asks) continue;
    Index around = tree_->entries[at].parent;
    while (around != none && tree_->entries[around].kind == EntryKind::if_block)
      around = tree_->entries[around].parent;
    return around != none && tree_->entries[around].kind == EntryKind::choice ? around : none;
  }
  return none;
}

Tristate Evaluation::derived(Index symbol) const {
  Tristate result = Tristate::no;
  if (const Property* property = default_property(symbol)) {
    // "default m" stands where no module can be loaded, too, and is y there.
    const Expression& value = tree_->expressions[property->value];
    const bool module = value.op == Operator::symbol && tree_->symbols[value.left].constant &&
                        tristates_[value.left] == Tristate::module;
    result = both(module ? Tristate::module : evaluate(property->value, symbol), condition(*property));
  }
  if (const Tristate weak = implied(symbol); weak != Tristate::no)
    result = both(either(result, weak), direct_dependency(symbol));
  result = either(result, selected(symbol));
  const bool to_yes = is_boolean(symbol) || modules_ == Tristate::no;
  return result == Tristate::module && to_yes ? Tristate::yes : result;
}

}  // namespace cg::kconfig

#include "criu/expression.h"

#include <fmt/format.h>

#include <algorithm>

namespace cg {

struct Expression::Node {
  enum class Kind { symbol, negation, conjunction, disjunction } kind;
  std::string symbol;
  std::vector<std::shared_ptr<const Node>> parts;
};

namespace {

using Node = Expression::Node;
using NodePointer = std::shared_ptr<const Node>;

constexpr int deepest_nesting = 64;

// Recursive descent: or := and ("||" and)*, and := unary ("&&" unary)*, unary := "!" unary | "(" or ")" |
// SYMBOL.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<NodePointer> parse() {
    CG_TRY(node, disjunction(0));
    skip_blanks();
    if (at_ != text_.size()) return fail("unexpected text");
    return node;
  }

 private:
  std::unexpected<Error> fail(std::string_view what) const {
    return refused(fmt::format("{} at column {} of the expression '{}'", what, at_ + 1, text_));
  }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view sign) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(sign)) return false;
    at_ += sign.size();
    return true;
  }

  Result<NodePointer> disjunction(int depth) { return sequence(Node::Kind::disjunction, "||", depth); }
  Result<NodePointer> conjunction(int depth) { return sequence(Node::Kind::conjunction, "&&", depth); }

  Result<NodePointer> sequence(Node::Kind kind, std::string_view sign, int depth) {
    auto node = std::make_shared<Node>(Node{kind, {}, {}});
    do {
      auto part = kind == Node::Kind::disjunction ? conjunction(depth) : unary(depth);
      if (!part) return part;
      node->parts.push_back(std::move(*part));
    } while (take(sign));
    return node->parts.size() == 1 ? node->parts.front() : NodePointer(node);
  }

  Result<NodePointer> unary(int depth) {
    if (depth > deepest_nesting) return fail("nested too deeply");
    if (take("!")) {
      CG_TRY(part, unary(depth + 1));
      return std::make_shared<Node>(Node{Node::Kind::negation, {}, {part}});
    }
    if (take("(")) {
      CG_TRY(part, disjunction(depth + 1));
      if (!take(")")) return fail("missing ')'");
      return part;
    }
    skip_blanks();
    const std::size_t begin = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_'))
      ++at_;
    if (at_ == begin) return fail("a symbol is missing");
    std::string symbol(text_.substr(begin, at_ - begin));
    if (symbol.starts_with("CONFIG_")) return fail("write symbols without CONFIG_");
    return std::make_shared<Node>(Node{Node::Kind::symbol, std::move(symbol), {}});
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

SymbolState negate(SymbolState state) {
  switch (state) {
    case SymbolState::off:
      return SymbolState::on;
    case SymbolState::unknown:
      return SymbolState::unknown;
    case SymbolState::module:
    case SymbolState::on:
      return SymbolState::off;
  }
  return SymbolState::unknown;
}

SymbolState state_of(const Node& node, const Expression::Lookup& lookup) {
  switch (node.kind) {
    case Node::Kind::symbol:
      return lookup(node.symbol);
    case Node::Kind::negation:
      return negate(state_of(*node.parts.front(), lookup));
    case Node::Kind::conjunction:
    case Node::Kind::disjunction:
      break;
  }
  const bool all = node.kind == Node::Kind::conjunction;
  SymbolState state = all ? SymbolState::on : SymbolState::off;
  for (const auto& part : node.parts) {
    const SymbolState of_part = state_of(*part, lookup);
    state = all ? std::min(state, of_part) : std::max(state, of_part);
  }
  return state;
}

void add_once(std::vector<std::string>& list, std::string text) {
  if (std::ranges::find(list, text) == list.end()) list.push_back(std::move(text));
}

using Change = Expression::Change;

// The changes that make `node` hold (`wanted`) or not hold.
void collect_changes(const Node& node, const Expression::Lookup& lookup, bool wanted,
                     std::vector<Change>& changes) {
  const SymbolState state = state_of(node, lookup);
  const bool holds = wanted ? state >= SymbolState::module : state == SymbolState::off;
  if (holds) return;
  switch (node.kind) {
    case Node::Kind::symbol:
      if (std::ranges::find(changes, node.symbol, &Change::symbol) == changes.end())
        changes.push_back({node.symbol, wanted});
      return;
    case Node::Kind::negation:
      collect_changes(*node.parts.front(), lookup, !wanted, changes);
      return;
    case Node::Kind::conjunction:
    case Node::Kind::disjunction:
      break;
  }
  if ((node.kind == Node::Kind::conjunction) == wanted) {
    for (const auto& part : node.parts) collect_changes(*part, lookup, wanted, changes);
    return;
  }
  // What is open is changed rather than what was decided.
  const auto open = std::ranges::find_if(
      node.parts, [&](const auto& part) { return state_of(*part, lookup) == SymbolState::unknown; });
  collect_changes(open == node.parts.end() ? *node.parts.front() : **open, lookup, wanted, changes);
}

void collect_symbols(const Node& node, std::vector<std::string>& symbols) {
  if (node.kind == Node::Kind::symbol) add_once(symbols, node.symbol);
  for (const auto& part : node.parts) collect_symbols(*part, symbols);
}

}  // namespace

Result<Expression> Expression::parse(std::string_view text) {
  Expression expression;
  expression.text_ = std::string(text);
  if (text.find_first_not_of(" \t") == std::string_view::npos) return expression;
  CG_TRY(root, Parser(text).parse());
  expression.root_ = root;
  return expression;
}

SymbolState Expression::evaluate(const Lookup& lookup) const {
  return root_ ? state_of(*root_, lookup) : SymbolState::on;
}

std::string Expression::Change::text() const {
  return fmt::format("CONFIG_{}={}", symbol, to_on ? 'y' : 'n');
}

std::vector<Expression::Change> Expression::changes(const Lookup& lookup) const {
  std::vector<Change> changes;
  if (root_) collect_changes(*root_, lookup, true, changes);
  return changes;
}

std::vector<std::string> Expression::symbols() const {
  std::vector<std::string> names;
  if (root_) collect_symbols(*root_, names);
  return names;
}

}  // namespace cg

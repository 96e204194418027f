#include "kconfig/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "kconfig/other_architectures.h"
#include "kconfig/renamed.h"

namespace cg::kconfig {
namespace {

constexpr int deepest_chain = 8;
constexpr std::size_t longest_text = 160;
constexpr std::size_t most_selectors = 4;  // in one line

class Explainer {
 public:
  Explainer(const Evaluation& evaluation, Index symbol)
      : ev_(evaluation), tree_(evaluation.tree()), symbol_(symbol) {
    result_.symbol = tree_.symbols[symbol].name;
    result_.got = current();
    std::vector<std::string> places;
    for (Index at = tree_.symbols[symbol].first_entry; at != none; at = tree_.entries[at].next_of_symbol)
      places.push_back(tree_.where(tree_.entries[at].place));
    result_.defined = join(places, ", ");
  }

  Explanation request(const std::string& wanted);
  Explanation value();

 private:
  std::string current() const {
    const Type type = tree_.symbols[symbol_].type;
    if (type == Type::boolean || type == Type::tristate) return std::string(1, letter(ev_.value(symbol_)));
    if (!ev_.is_mentioned(symbol_)) return "n";
    const std::string text(ev_.text(symbol_));
    return type == Type::string ? '"' + text + '"' : text;
  }
  Explanation conclude(ReasonKind kind, std::string summary) {
    result_.kind = kind;
    result_.summary = std::move(summary);
    return result_;
  }
  Explanation because_hidden(Tristate wanted);
  Explanation because_of_choice(Index choice, Tristate wanted);
  Explanation number(const std::string& wanted);
  bool add_forces(PropertyKind kind, std::string_view verb);
  std::string first_line_of_chain();
  void remedy_for(Tristate wanted) {
    if (auto settings = find_remedy(ev_, symbol_, wanted)) result_.settings = std::move(*settings);
  }
  void chain_of(Index symbol, Tristate wanted, int depth);
  void blame(Index symbol, Index expression, Tristate wanted, const std::string& verb,
             const std::string& where, int depth);
  void note(int depth, std::string text) {
    result_.chain.push_back(std::string(static_cast<std::size_t>(depth) * 2, ' ') + std::move(text));
  }
  std::string shown(Index expression) const {
    std::string text = tree_.text_of(expression);
    if (text.size() > longest_text) text.replace(longest_text, std::string::npos, "...");
    return text;
  }
  std::vector<std::string> selectors_of(Index symbol) const;
  // The symbols whose value keeps the expression below `wanted`.
  void collect_culprits(Index expression, bool negated, Tristate wanted, std::vector<Index>& found) const;
  std::string state_of(Index symbol) const {
    const Symbol& s = tree_.symbols[symbol];
    if (s.opaque) return fmt::format("{} did not hold for this compiler", s.name);
    if (s.first_entry == none && !s.constant) return fmt::format("{} does not exist here", s.name);
    if (s.type == Type::boolean || s.type == Type::tristate)
      return fmt::format("{} is {}", s.name, letter(ev_.value(symbol)));
    return fmt::format("{} is {}", s.name, ev_.text(symbol));
  }

  const Evaluation& ev_;
  const Tree& tree_;
  Index symbol_;
  Explanation result_;
  std::vector<Index> told_;  // symbols whose chain is written
  std::vector<std::pair<Index, std::vector<Index>>> blamed_;
  bool compiler_blamed_ = false;
  bool symbol_blamed_ = false;
};

void Explainer::collect_culprits(Index expression, bool negated, Tristate wanted,
                                 std::vector<Index>& found) const {
  const Expression& e = tree_.expressions[expression];
  const Tristate value = ev_.evaluate(expression, symbol_);
  if (negated ? value == Tristate::no : value >= wanted) return;
  switch (e.op) {
    case Operator::symbol:
      if (std::ranges::find(found, e.left) == found.end()) found.push_back(e.left);
      return;
    case Operator::negation:
      collect_culprits(e.left, !negated, wanted, found);
      return;
    case Operator::conjunction:
    case Operator::disjunction:
      collect_culprits(e.left, negated, wanted, found);
      collect_culprits(e.right, negated, wanted, found);
      return;
    default:
      for (const Index side : {e.left, e.right})
        if ((!tree_.symbols[side].constant || tree_.symbols[side].opaque) && tree_.is_defined(side) &&
            std::ranges::find(found, side) == found.end())
          found.push_back(side);
      return;
  }
}

// "depends on A && B (file:line): A is n", and below it why A is n.
void Explainer::blame(Index symbol, Index expression, Tristate wanted, const std::string& verb,
                      const std::string& where, int depth) {
  std::vector<Index> culprits;
  collect_culprits(expression, false, wanted, culprits);
  // What the same culprits keep away is told once: an `if` around a symbol often repeats its `depends on`.
  if (std::ranges::find(blamed_, std::pair(symbol, culprits)) != blamed_.end()) return;
  blamed_.emplace_back(symbol, culprits);
  std::vector<std::string> states;
  for (const Index culprit : culprits) {
    states.push_back(state_of(culprit));
    (tree_.symbols[culprit].opaque ? compiler_blamed_ : symbol_blamed_) = true;
  }
  const std::string_view name = tree_.symbols[symbol].name;
  note(depth, fmt::format("{} {} {} ({}): {}", name, verb, shown(expression), where, join(states, ", ")));
  for (const Index culprit : culprits)
    if (tree_.is_defined(culprit) && ev_.value(culprit) < wanted) chain_of(culprit, wanted, depth + 1);
}

// "NAME (file:line)" of what selects it. A select in a choice or a menu has no symbol, and conf refuses it.
std::vector<std::string> Explainer::selectors_of(Index symbol) const {
  std::vector<std::string> selectors;
  for (Index at = tree_.symbols[symbol].first_selection; at != none;
       at = tree_.properties[at].next_of_target) {
    const Property& property = tree_.properties[at];
    const Index by = tree_.entries[property.entry].symbol;
    if (property.kind == PropertyKind::select && by != none)
      selectors.push_back(fmt::format("{} ({})", tree_.symbols[by].name, tree_.where(property)));
  }
  return selectors;
}

// What hides a symbol: each unmet dependency of the definition that comes closest to being visible.
void Explainer::chain_of(Index symbol, Tristate wanted, int depth) {
  if (depth > deepest_chain || std::ranges::find(told_, symbol) != told_.end()) return;
  told_.push_back(symbol);
  const Symbol& s = tree_.symbols[symbol];
  const Tristate visible = ev_.visibility(symbol);
  if (s.type == Type::boolean) wanted = Tristate::module;  // m is enough for a bool
  if (visible >= wanted) {
    if (depth > 0)
      note(depth, fmt::format("{} can be set: {}", s.name, tree_.where(tree_.entries[s.first_entry].place)));
    return;
  }
  if (!ev_.has_prompt(symbol)) {
    std::vector<std::string> selectors = selectors_of(symbol);
    selectors.resize(std::min<std::size_t>(selectors.size(), most_selectors));
    note(depth,
         fmt::format("{} has no prompt ({}){}", s.name, tree_.where(tree_.entries[s.first_entry].place),
                     selectors.empty() ? "" : "; selected by " + join(selectors, ", ")));
    for (Index at = s.first_entry; at != none; at = tree_.entries[at].next_of_symbol)
      for (const Property& property : ev_.properties(at))
        if (property.kind == PropertyKind::default_value && property.condition != none &&
            ev_.evaluate(property.condition, symbol) < wanted)
          blame(symbol, property.condition, wanted,
                fmt::format("is {} by default if", tree_.text_of(property.value)), tree_.where(property),
                depth);
  }
  for (Index at = s.first_entry; at != none; at = tree_.entries[at].next_of_symbol) {
    for (Index around = at; around != none; around = tree_.entries[around].parent)
      for (const Property& property : ev_.properties(around)) {
        const EntryKind kind = tree_.entries[around].kind;
        if (property.kind == PropertyKind::depends && ev_.evaluate(property.value, symbol) < wanted)
          blame(symbol, property.value, wanted,
                kind == EntryKind::if_block ? "stands in: if"
                : kind == EntryKind::menu   ? "stands in a menu that depends on"
                : kind == EntryKind::choice ? "stands in a choice that depends on"
                                            : "depends on",
                tree_.where(property), depth);
        if (property.kind == PropertyKind::visible_if && around != at &&
            ev_.evaluate(property.value, symbol) < wanted)
          blame(symbol, property.value, wanted, "stands in a menu that is visible if", tree_.where(property),
                depth);
      }
    for (const Property& property : ev_.properties(at))
      if (property.kind == PropertyKind::prompt && property.condition != none &&
          ev_.evaluate(property.condition, symbol) < wanted)
        blame(symbol, property.condition, wanted, "can be asked for only if", tree_.where(property), depth);
  }
}

std::string Explainer::first_line_of_chain() {
  if (result_.chain.empty()) return "";
  std::string line = result_.chain.front();
  result_.chain.erase(result_.chain.begin());
  if (line.starts_with(result_.symbol + " ")) line.erase(0, result_.symbol.size() + 1);
  return line;
}

// Writes what selects or implies the symbol now; false when nothing does.
bool Explainer::add_forces(PropertyKind kind, std::string_view verb) {
  bool any = false;
  for (Index at = tree_.symbols[symbol_].first_selection; at != none;
       at = tree_.properties[at].next_of_target) {
    const Property& property = tree_.properties[at];
    const Index by = tree_.entries[property.entry].symbol;
    if (property.kind != kind || by == none) continue;
    const Tristate force = both(ev_.value(by), ev_.condition(property));
    if (force == Tristate::no) continue;
    note(0, fmt::format("{} ({}) {} {}{} ({})", tree_.symbols[by].name, letter(ev_.value(by)), verb,
                        result_.symbol, property.condition == none ? "" : " if " + shown(property.condition),
                        tree_.where(property)));
    any = true;
  }
  return any;
}

Explanation Explainer::because_hidden(Tristate wanted) {
  if (!ev_.has_prompt(symbol_)) {
    remedy_for(wanted);
    chain_of(symbol_, wanted, 0);
    first_line_of_chain();
    std::vector<std::string> selectors = selectors_of(symbol_);
    const std::size_t more = selectors.size() - std::min<std::size_t>(selectors.size(), most_selectors);
    selectors.resize(selectors.size() - more);
    return conclude(
        ReasonKind::no_prompt,
        fmt::format("has no prompt: no line of a fragment sets it{}{}",
                    selectors.empty() ? ", its defaults do" : "; selected by " + join(selectors, ", "),
                    more ? fmt::format(" and {} more", more) : ""));
  }
  remedy_for(wanted);
  chain_of(symbol_, wanted, 0);
  if (compiler_blamed_ && !symbol_blamed_) result_.settings.clear();  // no setting makes a compiler newer
  const std::string first = first_line_of_chain();
  const bool limited = ev_.visibility(symbol_) == Tristate::module;
  return conclude(limited ? ReasonKind::limited : ReasonKind::hidden, first);
}

Explanation Explainer::because_of_choice(Index choice, Tristate wanted) {
  const Entry& entry = tree_.entries[choice];
  for (Index i = 0; i < tree_.entries.size(); ++i) {
    const Index member = tree_.entries[i].symbol;
    if (member == none || member == symbol_ || ev_.value(member) != Tristate::yes ||
        ev_.choice_of(member) != choice)
      continue;
    result_.settings = {{result_.symbol, 'y', result_.defined},
                        {std::string(tree_.symbols[member].name), 'n', tree_.where(tree_.entries[i].place)}};
    return conclude(ReasonKind::choice,
                    wanted == Tristate::no
                        ? fmt::format("is a member of the choice at {}", tree_.where(entry.place))
                        : fmt::format("{} was taken in the choice at {} (only one member can be y)",
                                      tree_.symbols[member].name, tree_.where(entry.place)));
  }
  return conclude(ReasonKind::choice,
                  fmt::format("is the member that is left of the choice at {}; set another one",
                              tree_.where(entry.place)));
}

Explanation Explainer::number(const std::string& wanted) {
  const Type type = tree_.symbols[symbol_].type;
  const bool quoted = wanted.starts_with('"');
  if (quoted != (type == Type::string) || wanted == "y" || wanted == "m")
    return conclude(ReasonKind::wrong_type, fmt::format("is {} ({}), and {} is none",
                                                        type == Type::string    ? "a text in quotes"
                                                        : type == Type::integer ? "a number"
                                                                                : "a hexadecimal number",
                                                        result_.defined, wanted));
  if (ev_.visibility(symbol_) == Tristate::no) return because_hidden(Tristate::yes);
  if (const Property* range = ev_.range_property(symbol_)) {
    const int base = type == Type::integer ? 10 : 16;
    const auto number_of = [&](std::string_view text) {
      return std::strtoll(std::string(text).c_str(), nullptr, base);
    };
    const std::string low(ev_.text(range->value));
    const std::string high(ev_.text(range->upper));
    if (number_of(wanted) < number_of(low) || number_of(wanted) > number_of(high))
      return conclude(ReasonKind::out_of_range,
                      fmt::format("is out of range: {} to {} ({})", low, high, tree_.where(*range)));
  }
  return conclude(ReasonKind::visible,
                  "nothing stands in its way: was this configuration made from the fragment?");
}

Explanation Explainer::request(const std::string& wanted_text) {
  const Symbol& s = tree_.symbols[symbol_];
  if (s.type == Type::integer || s.type == Type::hexadecimal || s.type == Type::string) {
    if (wanted_text == "n" && !ev_.is_mentioned(symbol_)) return conclude(ReasonKind::honoured, "is not set");
    return number(wanted_text);
  }
  const Tristate now = ev_.value(symbol_);
  if (wanted_text != "y" && wanted_text != "m" && wanted_text != "n")
    return conclude(ReasonKind::wrong_type,
                    fmt::format("is a {} ({}), and {} is none of its values",
                                s.type == Type::boolean ? "bool" : "tristate", result_.defined, wanted_text));
  const Tristate wanted = wanted_text == "y"   ? Tristate::yes
                          : wanted_text == "m" ? Tristate::module
                                               : Tristate::no;
  if (now == wanted) return conclude(ReasonKind::honoured, fmt::format("is {}", wanted_text));
  const Index choice = ev_.choice_of(symbol_);
  // Without modules conf takes m for y: what is missing for y is missing, and m is no answer.
  if (wanted == Tristate::module && now == Tristate::no && s.type == Type::tristate &&
      ev_.modules() == Tristate::no) {
    Explanation told = request("y");
    told.summary = "MODULES is n, so that only y or n can be asked for; " + told.summary;
    return told;
  }
  if (wanted > now) {
    if (wanted == Tristate::module && s.type == Type::boolean && ev_.visibility(symbol_) != Tristate::no) {
      result_.settings = {{result_.symbol, 'y', result_.defined}};
      return conclude(ReasonKind::wrong_type,
                      fmt::format("is a bool ({}): y or n, never m", result_.defined));
    }
    if (ev_.visibility(symbol_) < wanted) return because_hidden(wanted);
    if (choice != none) return because_of_choice(choice, wanted);
    return conclude(ReasonKind::visible,
                    "nothing stands in its way: was this configuration made from the fragment?");
  }
  // More than was asked for.
  if (ev_.selected(symbol_) > wanted) {
    add_forces(PropertyKind::select, "selects");
    remedy_for(wanted);
    const std::string first = first_line_of_chain();
    return conclude(ReasonKind::selected, "is selected: " + first);
  }
  if (wanted == Tristate::module && s.type == Type::boolean)
    return conclude(ReasonKind::wrong_type, fmt::format("is a bool ({}): y or n, never m", result_.defined));
  if (wanted == Tristate::module && ev_.modules() == Tristate::no)
    return conclude(ReasonKind::no_modules, "MODULES is n: what would be a module is built in");
  if (choice != none) return because_of_choice(choice, wanted);
  if (ev_.visibility(symbol_) == Tristate::no) {
    if (ev_.implied(symbol_) != Tristate::no) {
      add_forces(PropertyKind::imply, "implies");
      return conclude(ReasonKind::implied,
                      "its prompt is hidden, and it is implied: " + first_line_of_chain());
    }
    if (const Property* property = ev_.default_property(symbol_)) {
      chain_of(symbol_, Tristate::yes, 0);
      return conclude(ReasonKind::by_default, fmt::format("its prompt is hidden, and its default is {} ({})",
                                                          shown(property->value), tree_.where(*property)));
    }
  }
  return conclude(ReasonKind::visible,
                  "nothing stands in its way: was this configuration made from the fragment?");
}

Explanation Explainer::value() {
  const Symbol& s = tree_.symbols[symbol_];
  const bool boolean = s.type == Type::boolean || s.type == Type::tristate;
  if (!boolean) {
    if (ev_.visibility(symbol_) == Tristate::no) {
      const Property* property = ev_.default_property(symbol_);
      if (property)
        return conclude(ReasonKind::by_default,
                        fmt::format("is {}: its prompt is hidden, and its default is {} ({})", result_.got,
                                    shown(property->value), tree_.where(*property)));
      return because_hidden(Tristate::yes);
    }
    return conclude(ReasonKind::visible, fmt::format("is {}, as it was answered", result_.got));
  }
  const Tristate now = ev_.value(symbol_);
  const Index choice = ev_.choice_of(symbol_);
  if (now == Tristate::no) {
    if (ev_.visibility(symbol_) == Tristate::no) return because_hidden(Tristate::yes);
    if (choice != none) return because_of_choice(choice, Tristate::yes);
    result_.settings = {{result_.symbol, 'y', result_.defined}};
    return conclude(ReasonKind::visible, "is n because it was answered with n: nothing hides it");
  }
  if (add_forces(PropertyKind::select, "selects")) {
    if (ev_.selected(symbol_) < ev_.direct_dependency(symbol_) ||
        ev_.direct_dependency(symbol_) != Tristate::no)
      return conclude(ReasonKind::selected, fmt::format("is {} because it is selected", result_.got));
    return conclude(
        ReasonKind::selected,
        fmt::format("is {} because it is selected, although its own dependencies are not met", result_.got));
  }
  if (choice != none)
    return conclude(ReasonKind::choice, fmt::format("is the member taken in the choice at {}",
                                                    tree_.where(tree_.entries[choice].place)));
  const Property* property = ev_.default_property(symbol_);
  if (ev_.visibility(symbol_) != Tristate::no) {
    if (add_forces(PropertyKind::imply, "implies"))
      return conclude(ReasonKind::implied,
                      fmt::format("is {}: answered so, or because it is implied", result_.got));
    return conclude(ReasonKind::visible,
                    fmt::format("is {}, as it was answered{}", result_.got,
                                property ? fmt::format("; its default is {} ({})", shown(property->value),
                                                       tree_.where(*property))
                                         : "; its default is n"));
  }
  if (add_forces(PropertyKind::imply, "implies"))
    return conclude(ReasonKind::implied, fmt::format("is {} because it is implied", result_.got));
  if (property)
    return conclude(ReasonKind::by_default,
                    fmt::format("is {} by default{}: {} ({})", result_.got,
                                ev_.has_prompt(symbol_) ? ", and its prompt is hidden" : "",
                                shown(property->value), tree_.where(*property)));
  return conclude(
      ReasonKind::visible,
      fmt::format("is {}, and nothing in this tree says why: is it another kernel's?", result_.got));
}

Explanation unknown(const Evaluation& evaluation, std::string_view symbol) {
  Explanation result;
  result.symbol = symbol;
  result.got = "n";
  result.kind = ReasonKind::unknown_symbol;
  const Tree& tree = evaluation.tree();
  const std::string linux_name = tree.version.empty() ? "this kernel" : "Linux " + tree.version;
  result.summary = "unknown to " + linux_name;
  if (const Renamed* renamed = find_renamed(symbol)) {
    result.summary += fmt::format(": {}", renamed->note);
    if (!renamed->now.empty() && tree.find(renamed->now) && tree.is_defined(tree.index_of(renamed->now)))
      result.settings = {{std::string(renamed->now), 'y', ""}};
    return result;
  }
  const auto others = architectures_with(tree.directory, symbol);
  if (!others.empty())
    result.summary += fmt::format(" for {}: a symbol of {}", tree.architecture, join(others, ", "));
  else
    result.summary += did_you_mean(symbol, tree.defined_names());
  return result;
}

}  // namespace

std::string_view reason_name(ReasonKind kind) {
  switch (kind) {
    case ReasonKind::honoured:
      return "honoured";
    case ReasonKind::unknown_symbol:
      return "unknown-symbol";
    case ReasonKind::hidden:
      return "unmet-dependency";
    case ReasonKind::limited:
      return "limited-to-module";
    case ReasonKind::no_prompt:
      return "no-prompt";
    case ReasonKind::selected:
      return "selected";
    case ReasonKind::implied:
      return "implied";
    case ReasonKind::by_default:
      return "default";
    case ReasonKind::choice:
      return "choice";
    case ReasonKind::wrong_type:
      return "wrong-type";
    case ReasonKind::no_modules:
      return "no-modules";
    case ReasonKind::out_of_range:
      return "out-of-range";
    case ReasonKind::visible:
      return "as-answered";
  }
  return "?";
}

std::string Explanation::remedy() const {
  std::vector<std::string> lines;
  for (const Setting& setting : settings)
    lines.push_back(fmt::format("CONFIG_{}={}", setting.symbol, setting.value));
  return join(lines, ", ");
}

Explanation explain_request(const Evaluation& evaluation, std::string_view symbol,
                            const std::string& wanted) {
  const Index index = evaluation.tree().index_of(symbol);
  if (index == none || !evaluation.tree().is_defined(index)) return unknown(evaluation, symbol);
  return Explainer(evaluation, index).request(wanted);
}

Explanation explain_value(const Evaluation& evaluation, std::string_view symbol) {
  const Index index = evaluation.tree().index_of(symbol);
  if (index == none || !evaluation.tree().is_defined(index)) return unknown(evaluation, symbol);
  return Explainer(evaluation, index).value();
}

}  // namespace cg::kconfig

#include "kconfig/remedy.h"

#include <algorithm>

namespace cg::kconfig {
namespace {

constexpr int deepest_search = 24;
constexpr std::size_t cost_of_expert = 50;
constexpr int most_steps = 20000;
constexpr std::size_t most_alternatives = 6;  // selects that are tried for one symbol

class Search {
 public:
  explicit Search(const Evaluation& evaluation) : now_(evaluation) {}

  bool reach(Index symbol, Tristate wanted) {
    return wanted == Tristate::no ? refuse(symbol, 0) : require(symbol, wanted, 0);
  }
  const std::vector<Setting>& settings() const { return settings_; }

 private:
  struct Assumption {
    Index symbol;
    Tristate before;
    Tristate after;
  };
  const Tree& tree() const { return now_.tree(); }

  void assume(Index symbol, Tristate value) {
    trail_.push_back({symbol, now_.value(symbol), value});
    now_.assume(symbol, value);
  }
  void go_back(std::size_t trail, std::size_t settings) {
    for (; trail_.size() > trail; trail_.pop_back()) now_.assume(trail_.back().symbol, trail_.back().before);
    settings_.resize(settings);
  }

  std::size_t cost_from(std::size_t first) const {
    std::size_t cost = settings_.size() - first;
    for (std::size_t i = first; i < settings_.size(); ++i)
      if (settings_[i].symbol == "EXPERT") cost += cost_of_expert;
    return cost;
  }

  // Tries each alternative and keeps the cheapest.
  template <class Alternatives>
  bool best_of(std::size_t count, Alternatives attempt) {
    const std::size_t trail = trail_.size();
    const std::size_t settings = settings_.size();
    const std::vector<Index> open = open_;
    std::size_t best_cost = 0;
    std::optional<std::pair<std::vector<Assumption>, std::vector<Setting>>> best;
    for (std::size_t i = 0; i < count; ++i) {
      const bool reached = attempt(i);
      const std::size_t cost = cost_from(settings);
      if (reached && (!best || cost < best_cost)) {
        best_cost = cost;
        best.emplace(std::vector(trail_.begin() + static_cast<std::ptrdiff_t>(trail), trail_.end()),
                     std::vector(settings_.begin() + static_cast<std::ptrdiff_t>(settings), settings_.end()));
      }
      go_back(trail, settings);
      open_ = open;
      if (best && best->second.empty()) break;  // for nothing: it cannot get better
    }
    if (!best) return false;
    for (const Assumption& assumption : best->first) assume(assumption.symbol, assumption.after);
    settings_.insert(settings_.end(), best->second.begin(), best->second.end());
    return true;
  }

  void set(Index symbol, Tristate value) {
    const std::string name(tree().symbols[symbol].name);
    const Index entry = tree().symbols[symbol].first_entry;
    settings_.push_back({name, letter(value), tree().where(tree().entries[entry].place)});
    assume(symbol, value);
  }

  bool require(Index symbol, Tristate wanted, int depth) {
    if (now_.value(symbol) >= wanted) return true;
    const Symbol& s = tree().symbols[symbol];
    if (s.type == Type::boolean) wanted = Tristate::yes;
    if (s.constant || s.first_entry == none || (s.type != Type::boolean && s.type != Type::tristate))
      return false;
    if (depth > deepest_search || ++steps_ > most_steps) return false;
    if (std::ranges::find(open_, symbol) != open_.end()) return false;
    open_.push_back(symbol);
    // Hidden, and yet on: something that is set already selects it.
    const bool derived = now_.visibility(symbol) < wanted && now_.derived(symbol) >= wanted;
    if (derived) assume(symbol, wanted);
    const bool reached = derived || ask_or_derive(symbol, wanted, depth);
    if (reached) std::erase(open_, symbol);
    return reached;
  }

  // EXPERT=y turns defaults off elsewhere: it is proposed only where nothing else helps.
  bool ask_or_derive(Index symbol, Tristate wanted, int depth) {
    const std::size_t trail = trail_.size();
    const std::size_t settings = settings_.size();
    if (!ask(symbol, wanted, depth)) return derive(symbol, wanted, depth);
    if (cost_from(settings) < cost_of_expert) return true;
    go_back(trail, settings);
    return best_of(2, [&](std::size_t i) {
      return i == 0 ? derive(symbol, wanted, depth) : ask(symbol, wanted, depth);
    });
  }

  // By its prompt: everything that hides it is removed.
  bool ask(Index symbol, Tristate wanted, int depth) {
    std::vector<const Property*> prompts;
    for (Index at = tree().symbols[symbol].first_entry; at != none; at = tree().entries[at].next_of_symbol)
      for (const Property& property : now_.properties(at))
        if (property.kind == PropertyKind::prompt) prompts.push_back(&property);
    const bool asked =
        best_of(prompts.size(), [&](std::size_t i) { return show(*prompts[i], wanted, depth); });
    if (asked) set(symbol, wanted);
    return asked;
  }

  bool show(const Property& prompt, Tristate wanted, int depth) {
    for (Index at = prompt.entry; at != none; at = tree().entries[at].parent)
      for (const Property& property : now_.properties(at)) {
        const bool needed = property.kind == PropertyKind::depends ||
                            (property.kind == PropertyKind::visible_if && at != prompt.entry);
        if (needed && !hold(property.value, wanted, depth + 1)) return false;
      }
    return prompt.condition == none || hold(prompt.condition, wanted, depth + 1);
  }

  // Without a prompt: by a select of something that can be set, or a default.
  bool derive(Index symbol, Tristate wanted, int depth) {
    if (now_.derived(symbol) >= wanted) {
      assume(symbol, wanted);
      return true;
    }
    std::vector<const Property*> ways;
    for (Index at = tree().symbols[symbol].first_entry; at != none; at = tree().entries[at].next_of_symbol)
      for (const Property& property : now_.properties(at))
        if (property.kind == PropertyKind::default_value) ways.push_back(&property);
    for (Index at = tree().symbols[symbol].first_selection; at != none && ways.size() < most_alternatives;
         at = tree().properties[at].next_of_target)
      if (const Property& way = tree().properties[at];
          way.kind == PropertyKind::select && tree().entries[way.entry].symbol != none)
        ways.push_back(&way);
    if (ways.size() > most_alternatives) ways.resize(most_alternatives);
    const bool reached = best_of(ways.size(), [&](std::size_t i) {
      const Property& way = *ways[i];
      for (Index at = way.entry; at != none; at = tree().entries[at].parent)
        for (const Property& property : now_.properties(at))
          if (property.kind == PropertyKind::depends && !hold(property.value, wanted, depth + 1))
            return false;
      if (way.condition != none && !hold(way.condition, wanted, depth + 1)) return false;
      if (way.kind == PropertyKind::default_value) return hold(way.value, wanted, depth + 1);
      return require(tree().entries[way.entry].symbol, wanted, depth + 1);
    });
    if (reached) assume(symbol, wanted);
    return reached;
  }

  bool refuse(Index symbol, int depth) {
    if (now_.value(symbol) == Tristate::no) return true;
    const Symbol& s = tree().symbols[symbol];
    if (s.constant || s.first_entry == none || depth > deepest_search || ++steps_ > most_steps) return false;
    if (std::ranges::find(open_, symbol) != open_.end()) return false;
    open_.push_back(symbol);
    for (Index at = s.first_selection; at != none; at = tree().properties[at].next_of_target) {
      const Property& property = tree().properties[at];
      const Index by = tree().entries[property.entry].symbol;
      if (property.kind != PropertyKind::select || by == none) continue;
      if (both(now_.value(by), now_.condition(property)) == Tristate::no) continue;
      if (!refuse(by, depth + 1)) return false;
    }
    std::erase(open_, symbol);
    if (now_.visibility(symbol) != Tristate::no) {
      set(symbol, Tristate::no);
      return true;
    }
    if (now_.derived(symbol) != Tristate::no) return false;
    assume(symbol, Tristate::no);
    return true;
  }

  bool hold(Index expression, Tristate wanted, int depth) {
    if (now_.evaluate(expression) >= wanted) return true;
    if (depth > deepest_search || ++steps_ > most_steps) return false;
    const Expression& e = tree().expressions[expression];
    switch (e.op) {
      case Operator::symbol:
        return require(e.left, wanted, depth);
      case Operator::negation:
        return fall(e.left, depth + 1);
      case Operator::conjunction:
        return hold(e.left, wanted, depth + 1) && hold(e.right, wanted, depth + 1);
      case Operator::disjunction:
        return best_of(2, [&](std::size_t i) { return hold(i == 0 ? e.left : e.right, wanted, depth + 1); });
      case Operator::equal:
        return compare_with_constant(e, "y") ? require(e.left, Tristate::yes, depth)
                                             : compare_with_constant(e, "n") && refuse(e.left, depth);
      case Operator::unequal:
        return compare_with_constant(e, "n") ? require(e.left, Tristate::module, depth)
                                             : compare_with_constant(e, "y") && refuse(e.left, depth);
      default:
        return false;
    }
  }
  // The other way round: the expression is to be n.
  bool fall(Index expression, int depth) {
    if (now_.evaluate(expression) == Tristate::no) return true;
    if (depth > deepest_search || ++steps_ > most_steps) return false;
    const Expression& e = tree().expressions[expression];
    switch (e.op) {
      case Operator::symbol:
        return refuse(e.left, depth);
      case Operator::negation:
        return hold(e.left, Tristate::yes, depth + 1);
      case Operator::conjunction:
        return best_of(2, [&](std::size_t i) { return fall(i == 0 ? e.left : e.right, depth + 1); });
      case Operator::disjunction:
        return fall(e.left, depth + 1) && fall(e.right, depth + 1);
      default:
        return false;
    }
  }
  bool compare_with_constant(const Expression& e, std::string_view text) const {
    const Symbol& right = tree().symbols[e.right];
    return right.constant && right.name == text;
  }

  Evaluation now_;
  std::vector<Assumption> trail_;
  std::vector<Setting> settings_;
  std::vector<Index> open_;  // symbols whose way is being searched: meeting one again is a circle
  int steps_ = 0;
};

}  // namespace

std::optional<std::vector<Setting>> find_remedy(const Evaluation& evaluation, Index symbol, Tristate wanted) {
  Search search(evaluation);
  if (!search.reach(symbol, wanted)) return std::nullopt;
  return search.settings();
}

Remedies find_remedies(const Evaluation& evaluation, const std::vector<std::pair<Index, Tristate>>& wanted) {
  Remedies remedies;
  Evaluation state = evaluation;
  // What can be set as it is comes first: it may select the rest.
  auto in_order = wanted;
  std::ranges::stable_partition(in_order, [&](const auto& one) {
    return evaluation.visibility(one.first) >= either(one.second, Tristate::module);
  });
  for (const auto& [symbol, value] : in_order) {
    const auto found = find_remedy(state, symbol, value);
    if (!found) {
      remedies.impossible.emplace_back(evaluation.tree().symbols[symbol].name);
      continue;
    }
    for (const Setting& setting : *found) {
      if (std::ranges::find(remedies.settings, setting) != remedies.settings.end()) continue;
      remedies.settings.push_back(setting);
      const Tristate to = setting.value == 'y'   ? Tristate::yes
                          : setting.value == 'm' ? Tristate::module
                                                 : Tristate::no;
      state.assume(evaluation.tree().names.find(setting.symbol), to);
    }
  }
  return remedies;
}

}  // namespace cg::kconfig

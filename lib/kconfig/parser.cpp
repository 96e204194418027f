#include "kconfig/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "kconfig/lexer.h"

namespace cg::kconfig {
namespace {

constexpr std::size_t deepest_block = 200;
constexpr int deepest_source = 64;
constexpr int deepest_expression = 200;
constexpr std::size_t most_files = 20000;
constexpr std::size_t most_warnings = 100;

class Parser {
 public:
  Parser(const FileReader& read, const FileFinder& find, const Macros::Variables& variables)
      : read_(read), find_(find), macros_(variables) {}

  Result<Tree> run() {
    tree_.entries.push_back({});
    CG_CHECK(file("Kconfig", 0));
    link_selections();
    return std::move(tree_);
  }

 private:
  using Step = Result<void>;
  // A file being read.
  struct Reader {
    Lexer lexer;
    Token token;
    Index file;
  };
  struct Block {
    std::string_view end;  // the word that closes it
    Index entry;
  };

  Step file(const std::string& name, int depth);
  Step statement(Reader& in, int depth);
  Step source(Reader& in, int depth);
  void assignment(Reader& in, std::string_view name);
  bool option(Reader& in, std::string_view word);  // false: no option's name
  void option_line(Reader& in, std::string_view word);
  void typed(Reader& in, Type type);
  void prompt(Reader& in);
  void selection(Reader& in, PropertyKind kind);

  Index expression(Reader& in, int depth);
  Index conjunction(Reader& in, int depth);
  Index negation(Reader& in, int depth);
  Index condition(Reader& in);  // after "if"; none without one
  Index operand(Reader& in);    // a symbol; none when there is none
  Index add_expression(Operator op, Index left, Index right = none);
  Index symbol(const Token& token);

  Index open_entry(Reader& in, EntryKind kind, Index symbol);
  Property& add_property(Reader& in, PropertyKind kind, Index value);
  void link_selections();

  Token take(Reader& in) { return std::exchange(in.token, in.lexer.next()); }
  bool take_word(Reader& in, std::string_view word) {
    if (in.token.kind != TokenKind::word || in.token.text != word) return false;
    take(in);
    return true;
  }
  void end_line(Reader& in);
  void warn(const Reader& in, std::string_view what) {
    damaged_ = true;
    if (tree_.warnings.size() < most_warnings)
      tree_.warnings.push_back(fmt::format("{}:{}: {}", tree_.files[in.file], in.lexer.line(), what));
  }
  std::unexpected<Error> fail(const Reader& in, std::string_view what) const {
    return refused(fmt::format("{}:{}: {}", tree_.files[in.file], in.lexer.line(), what));
  }

  const FileReader& read_;
  const FileFinder& find_;
  Macros macros_;
  Tree tree_;
  NameTable constants_;
  NameTable opaques_;
  std::vector<Block> blocks_;
  Index current_ = none;  // the entry that options belong to
  bool damaged_ = false;  // something on this line was not understood
};

Parser::Step Parser::file(const std::string& name, int depth) {
  if (depth > deepest_source) return refused(name + ": sourced too deeply; do files source each other?");
  if (tree_.files.size() >= most_files)
    return refused(name + ": too many files; do files source each other?");
  const auto text = read_(tree_, name);
  if (!text) return refused(name + ": there is no such file");
  if (text->contains('\0')) return refused(name + ": binary data, not a Kconfig file");
  const auto keeper = [](void* tree, std::string kept) { return keep(*static_cast<Tree*>(tree), kept); };
  Reader in{Lexer(*text, macros_, keeper, &tree_), {}, static_cast<Index>(tree_.files.size())};
  tree_.files.push_back(name);
  const std::size_t outer_blocks = blocks_.size();
  in.token = in.lexer.next();
  while (in.token.kind != TokenKind::end_of_file) {
    damaged_ = false;
    CG_CHECK(statement(in, depth));
    if (blocks_.size() < outer_blocks) return fail(in, "ends a block that another file began");
  }
  if (blocks_.size() > outer_blocks)
    return refused(fmt::format("{}: {} is missing for the block that begins at {}", name, blocks_.back().end,
                               tree_.where(tree_.entries[blocks_.back().entry].place)));
  current_ = none;
  return {};
}

// One line; for a help text, also the lines it owns.
Parser::Step Parser::statement(Reader& in, int depth) {
  if (in.token.kind == TokenKind::end_of_line) {
    take(in);
    return {};
  }
  if (in.token.kind != TokenKind::word || in.token.opaque) {
    if (!in.token.opaque) warn(in, "not a statement");  // an opaque macro alone, such as $(error-if,...)
    damaged_ = true;
    end_line(in);
    return {};
  }
  const std::string_view word = in.token.text;
  if (in.lexer.at_assignment()) {
    assignment(in, word);
    return {};
  }
  if (option(in, word)) {
    end_line(in);
    return {};
  }
  if (word == "source" || word == "rsource" || word == "osource" || word == "orsource")
    return source(in, depth);
  take(in);
  if (word == "config" || word == "menuconfig") {
    const Index defined = in.token.kind == TokenKind::word ? symbol(take(in)) : none;
    if (defined == none) return fail(in, fmt::format("{} needs the name of a symbol", word));
    open_entry(in, EntryKind::config, defined);
  } else if (word == "choice" || word == "menu" || word == "if") {
    if (blocks_.size() >= deepest_block) return fail(in, "nested too deeply");
    const EntryKind kind = word == "choice" ? EntryKind::choice
                           : word == "menu" ? EntryKind::menu
                                            : EntryKind::if_block;
    if (kind == EntryKind::choice && in.token.kind == TokenKind::word) take(in);  // a name, in older trees
    current_ = open_entry(in, kind, none);
    if (kind == EntryKind::menu && in.token.kind == TokenKind::quoted) {
      const std::string_view title = take(in).text;
      add_property(in, PropertyKind::prompt, none).text = title;
    } else if (kind == EntryKind::if_block) {
      const Index value = expression(in, 0);
      add_property(in, PropertyKind::depends, value);
    }
    blocks_.push_back({kind == EntryKind::choice ? "endchoice"
                       : kind == EntryKind::menu ? "endmenu"
                                                 : "endif",
                       current_});
    if (kind == EntryKind::if_block) current_ = none;
  } else if (word == "endchoice" || word == "endmenu" || word == "endif") {
    if (blocks_.empty() || blocks_.back().end != word)
      return fail(in, blocks_.empty() ? fmt::format("{} without a beginning", word)
                                      : fmt::format("{} where {} is expected", word, blocks_.back().end));
    blocks_.pop_back();
    current_ = none;
  } else if (word == "comment") {
    open_entry(in, EntryKind::comment, none);
    if (in.token.kind == TokenKind::quoted) take(in);
  } else if (word == "mainmenu") {
    if (in.token.kind == TokenKind::quoted) take(in);
  } else {
    warn(in, fmt::format("unknown statement '{}'", word));
  }
  end_line(in);
  return {};
}

Parser::Step Parser::source(Reader& in, int depth) {
  const bool optional = in.token.text.starts_with('o');
  const bool relative = in.token.text.ends_with("rsource");
  take(in);
  if (in.token.kind != TokenKind::quoted && in.token.kind != TokenKind::word)
    return fail(in, "source needs a file's name");
  const std::uint32_t line = in.lexer.line();
  std::string name(in.token.text);
  current_ = none;
  in.lexer.skip_line();
  take(in);
  if (relative) {
    const std::string& here = tree_.files[in.file];
    const std::size_t slash = here.rfind('/');
    if (slash != std::string::npos) name = here.substr(0, slash + 1) + name;
  }
  std::vector<std::string> names = {name};
  if (name.find_first_of("*?[") != std::string::npos) names = find_(name);
  for (const std::string& one : names) {
    if (optional && !read_(tree_, one)) continue;
    if (auto done = file(one, depth + 1); !done) {
      // The place that sources a missing file is what a reader needs.
      if (done.error().message == one + ": there is no such file")
        return refused(
            fmt::format("{}:{}: sources {}, and there is no such file", tree_.files[in.file], line, one));
      return done;
    }
  }
  return {};
}

void Parser::assignment(Reader& in, std::string_view name) {
  in.token = in.lexer.next();
  const TokenKind how = in.token.kind;
  const std::string_view value = in.lexer.rest_of_line();
  macros_.assign(name,
                 how == TokenKind::colon_equal  ? Macros::Assignment::simple
                 : how == TokenKind::plus_equal ? Macros::Assignment::append
                                                : Macros::Assignment::recursive,
                 value);
  take(in);
}

bool Parser::option(Reader& in, std::string_view word) {
  static constexpr std::string_view names[] = {
      "bool",    "boolean",  "tristate",     "int",     "hex",    "string",   "prompt",
      "default", "def_bool", "def_tristate", "select",  "imply",  "range",    "depends",
      "visible", "help",     "---help---",   "modules", "option", "optional", "transitional"};
  if (std::ranges::find(names, word) == std::end(names)) return false;
  take(in);
  if (current_ == none) {
    warn(in, fmt::format("'{}' belongs to nothing", word));
    return true;
  }
  option_line(in, word);
  return true;
}

void Parser::option_line(Reader& in, std::string_view word) {
  if (word == "bool" || word == "boolean") return typed(in, Type::boolean);
  if (word == "tristate") return typed(in, Type::tristate);
  if (word == "int") return typed(in, Type::integer);
  if (word == "hex") return typed(in, Type::hexadecimal);
  if (word == "string") return typed(in, Type::string);
  if (word == "prompt") return prompt(in);
  if (word == "select") return selection(in, PropertyKind::select);
  if (word == "imply") return selection(in, PropertyKind::imply);
  if (word == "default" || word == "def_bool" || word == "def_tristate") {
    if (word == "def_bool") typed(in, Type::boolean);
    if (word == "def_tristate") typed(in, Type::tristate);
    const Index value = expression(in, 0);
    const Index when = condition(in);
    if (value != none) add_property(in, PropertyKind::default_value, value).condition = when;
  } else if (word == "range") {
    const Index low = operand(in);
    const Index high = operand(in);
    const Index when = condition(in);
    if (low == none || high == none) return warn(in, "range needs two values");
    Property& property = add_property(in, PropertyKind::range, low);
    property.upper = high;
    property.condition = when;
  } else if (word == "depends") {
    if (!take_word(in, "on")) warn(in, "'depends' without 'on'");
    const Index value = expression(in, 0);
    if (value == none) return;
    // "depends on X if Y" (Linux 6.19 and newer) holds wherever Y does not.
    const Index when = condition(in);
    add_property(in, PropertyKind::depends,
                 when == none ? value
                              : add_expression(Operator::disjunction, value,
                                               add_expression(Operator::negation, when)));
  } else if (word == "visible") {
    const Index value = condition(in);
    if (value != none) add_property(in, PropertyKind::visible_if, value);
  } else if (word == "help" || word == "---help---") {
    while (in.token.kind != TokenKind::end_of_line && in.token.kind != TokenKind::end_of_file) take(in);
    if (in.token.kind == TokenKind::end_of_line) in.lexer.skip_help();
  } else if (word == "modules" || word == "option") {
    if (word == "modules" || take_word(in, "modules")) tree_.modules = tree_.entries[current_].symbol;
    damaged_ = true;  // other options, such as env=, say nothing that is looked at here
  }
}

void Parser::typed(Reader& in, Type type) {
  const Index defined = tree_.entries[current_].symbol;
  if (defined != none && tree_.symbols[defined].type == Type::unknown) tree_.symbols[defined].type = type;
  if (in.token.kind == TokenKind::quoted) prompt(in);
}

void Parser::prompt(Reader& in) {
  if (in.token.kind != TokenKind::quoted) return warn(in, "a prompt needs quotes");
  const std::string_view text = take(in).text;
  const Index when = condition(in);
  Property& property = add_property(in, PropertyKind::prompt, none);
  property.text = text;
  property.condition = when;
}

void Parser::selection(Reader& in, PropertyKind kind) {
  if (in.token.kind != TokenKind::word) return warn(in, "select and imply need a symbol");
  const Index target = symbol(take(in));
  const Index when = condition(in);
  add_property(in, kind, target).condition = when;
}

Index Parser::expression(Reader& in, int depth) {
  Index left = conjunction(in, depth);
  while (left != none && in.token.kind == TokenKind::disjunction) {
    take(in);
    const Index right = conjunction(in, depth);
    if (right == none) return none;
    left = add_expression(Operator::disjunction, left, right);
  }
  return left;
}

Index Parser::conjunction(Reader& in, int depth) {
  Index left = negation(in, depth);
  while (left != none && in.token.kind == TokenKind::conjunction) {
    take(in);
    const Index right = negation(in, depth);
    if (right == none) return none;
    left = add_expression(Operator::conjunction, left, right);
  }
  return left;
}

Index Parser::negation(Reader& in, int depth) {
  if (depth > deepest_expression) {
    warn(in, "an expression is nested too deeply");
    return none;
  }
  if (in.token.kind == TokenKind::negation) {
    take(in);
    const Index part = negation(in, depth + 1);
    return part == none ? none : add_expression(Operator::negation, part);
  }
  if (in.token.kind == TokenKind::open) {
    take(in);
    const Index part = expression(in, depth + 1);
    if (part == none) return none;
    if (in.token.kind != TokenKind::close) {
      warn(in, "')' is missing");
      return none;
    }
    take(in);
    return part;
  }
  const Index left = operand(in);
  if (left == none) {
    warn(in, "an expression is missing or cut short");
    return none;
  }
  Operator op = Operator::symbol;
  switch (in.token.kind) {
    case TokenKind::equal:
      op = Operator::equal;
      break;
    case TokenKind::unequal:
      op = Operator::unequal;
      break;
    case TokenKind::less:
      op = Operator::less;
      break;
    case TokenKind::at_most:
      op = Operator::at_most;
      break;
    case TokenKind::greater:
      op = Operator::greater;
      break;
    case TokenKind::at_least:
      op = Operator::at_least;
      break;
    default:
      return add_expression(Operator::symbol, left);
  }
  take(in);
  const Index right = operand(in);
  if (right == none) {
    warn(in, "a comparison needs two sides");
    return none;
  }
  return add_expression(op, left, right);
}

Index Parser::condition(Reader& in) {
  return take_word(in, "if") ? expression(in, 0) : none;
}

Index Parser::operand(Reader& in) {
  if (in.token.kind != TokenKind::word && in.token.kind != TokenKind::quoted) return none;
  return symbol(take(in));
}

Index Parser::add_expression(Operator op, Index left, Index right) {
  tree_.expressions.push_back({op, left, right});
  return static_cast<Index>(tree_.expressions.size() - 1);
}

Index Parser::symbol(const Token& token) {
  const bool tristate = token.text == "y" || token.text == "m" || token.text == "n";
  const bool constant = token.opaque || tristate || token.kind == TokenKind::quoted;
  NameTable& table = token.opaque ? opaques_ : constant ? constants_ : tree_.names;
  const Index fresh = static_cast<Index>(tree_.symbols.size());
  const Index index = table.intern(token.text, fresh);
  if (index == fresh) {
    Symbol added;
    added.name = token.text;
    added.constant = constant;
    added.opaque = token.opaque;
    if (tristate) added.type = Type::tristate;
    tree_.symbols.push_back(added);
  }
  return index;
}

Index Parser::open_entry(Reader& in, EntryKind kind, Index defined) {
  Entry entry;
  entry.kind = kind;
  entry.symbol = defined;
  entry.parent = blocks_.empty() ? 0 : blocks_.back().entry;
  entry.place = {in.file, in.lexer.line()};
  entry.first_property = static_cast<Index>(tree_.properties.size());
  const Index index = static_cast<Index>(tree_.entries.size());
  tree_.entries.push_back(entry);
  if (defined != none) {
    Symbol& s = tree_.symbols[defined];
    (s.first_entry == none ? s.first_entry : tree_.entries[s.last_entry].next_of_symbol) = index;
    s.last_entry = index;
  }
  current_ = index;
  return index;
}

Property& Parser::add_property(Reader& in, PropertyKind kind, Index value) {
  Property property;
  property.kind = kind;
  property.entry = current_;
  property.value = value;
  property.line = in.lexer.line();
  tree_.properties.push_back(property);
  ++tree_.entries[current_].property_count;
  return tree_.properties.back();
}

// Reads up to and over the end of the line.
void Parser::end_line(Reader& in) {
  if (in.token.kind == TokenKind::end_of_line || in.token.kind == TokenKind::end_of_file) {
    if (in.token.kind == TokenKind::end_of_line) take(in);
    return;
  }
  if (!damaged_) warn(in, fmt::format("unexpected text after the statement: '{:.40}'", in.token.text));
  in.lexer.skip_line();
  take(in);
  if (in.token.kind == TokenKind::end_of_line) take(in);
}

void Parser::link_selections() {
  for (std::size_t i = tree_.properties.size(); i-- > 0;) {
    Property& property = tree_.properties[i];
    if (property.kind != PropertyKind::select && property.kind != PropertyKind::imply) continue;
    Symbol& target = tree_.symbols[property.value];
    property.next_of_target = target.first_selection;
    target.first_selection = static_cast<Index>(i);
  }
}

}  // namespace

std::string_view keep(Tree& tree, std::string_view bytes) {
  if (bytes.empty()) return {};
  tree.storage.push_back(std::make_unique_for_overwrite<char[]>(bytes.size()));
  std::memcpy(tree.storage.back().get(), bytes.data(), bytes.size());
  return {tree.storage.back().get(), bytes.size()};
}

Result<Tree> parse(const FileReader& read, const FileFinder& find, const Macros::Variables& variables) {
  return Parser(read, find, variables).run();
}

}  // namespace cg::kconfig

// Causes of CRIU's failures as data (recipes/criu-log.toml): the texts that CRIU writes, what they mean, what
// to do about it for which version, and what it is not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "criu/log.h"
#include "criu/version.h"

namespace cg {

// A text with holes: '*' stands for any text, '#' for a number; anything may stand before and behind it.
class LogText {
 public:
  static Result<LogText> parse(std::string_view text);
  // What stood in the holes, in order; nullopt when `line` has no such text.
  std::optional<std::vector<std::string>> find_in(std::string_view line) const;
  const std::string& text() const { return text_; }

 private:
  struct Piece {
    enum class Kind { literal, any, number } kind;
    std::string literal;
  };
  bool match(std::string_view line, std::size_t from, std::vector<std::string>& holes) const;
  std::vector<Piece> pieces_;
  std::string text_;
};

struct Remedy {
  std::string text;
  VersionRange criu;
};

struct Cause {
  enum class Role {
    cause,
    consequence,  // says that something failed, not what
    noise,        // an error that changes nothing
    hint,         // helps to look further, but names no cause
  };
  std::string id;
  Role role = Role::cause;
  std::string title;  // {1} is what stood in the first hole
  std::string stage;  // startup, check, dump, restore
  std::string sign;   // what is seen instead of a text: "frozen-v2"
  std::vector<LogText> texts;
  bool warned = false;  // may stand in a warning or a debug line
  std::string why;
  std::vector<Remedy> fix;
  std::vector<std::string> nots;
  std::vector<std::string> sources;
};

struct Knowledge {
  std::vector<Cause> causes;
  const Cause* with_sign(std::string_view sign) const;
};

Result<Knowledge> parse_knowledge(std::string_view text, const std::string& name);
std::string_view builtin_log_text();
Result<Knowledge> builtin_knowledge();

struct Recognized {
  const Cause* cause = nullptr;
  std::vector<std::string> holes;
  LogLine line;
};

// The first cause in the table's order one of whose texts stands in the line.
std::optional<Recognized> recognize(const Knowledge& knowledge, const LogLine& line);

struct Diagnosis {
  std::vector<Recognized> causes;  // each cause once, the first one first
  std::vector<Recognized> noise;
  std::vector<LogLine> unknown;  // errors that no text fits
  bool failed = false;           // CRIU says that it failed, known or not
};

// Of the errors of a log; of all its lines where it has none.
Diagnosis diagnose(const Knowledge& knowledge, const CriuLog& log);

// The texts that share the most words with the line, best first; only plausible ones.
std::vector<std::string> nearest_texts(const Knowledge& knowledge, std::string_view line,
                                       std::size_t most = 3);

// `text` with {1}, {2}, … replaced by what stood in the holes; a missing one by "…".
std::string fill_holes(std::string_view text, const std::vector<std::string>& holes);

}  // namespace cg

// Causes of CRIU's failures as data (recipes/criu-log.toml): the texts that CRIU writes, what they mean, what
// to do about it for which version, and what it is not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "criu/log/log.h"
#include "criu/log/log_text.h"
#include "criu/version.h"

namespace cg {

struct Remedy {
  std::string text;
  VersionRange criu;
};

struct Cause {
  enum class Role {
    cause,
    guess,        // the text allows more than one cause; this is the likely one
    family,       // says what kind of step failed, where no row says more
    consequence,  // says that something failed, not what
    noise,        // an error that changes nothing
    hint,         // helps to look further, but names no cause
  };
  std::string id;
  Role role = Role::cause;
  std::string title;  // {1} is what stood in the first hole
  std::string stage;  // startup, check, dump, restore; wrapper: words of the program that ran criu
  std::string sign;   // what is seen instead of a text: "frozen-v2"
  std::vector<LogText> texts;
  bool warned = false;  // may stand in a warning or a debug line
  bool first = false;   // a consequence where another error stands above it
  bool last = false;    // the log ends with this line: criu was waiting then

  // What else must hold for the row to be taken. Empty: anything.
  std::vector<std::string> places;  // beginnings of the source file's name: "criu/net.c", "compel/"
  std::vector<std::string> errnos;  // the line ends with one of them: "Permission denied"
  std::vector<LogText> with;        // one of them stands in another line, whatever its level
  VersionRange criu, kernel;        // only where the log says which it was
  std::string machine;              // "x86_64"

  std::string why;
  std::vector<Remedy> fix;
  std::vector<std::string> without;
  std::vector<std::string> sources;
  std::string proof;  // "lab:CASE"; empty: read
};

std::string_view role_name(Cause::Role role);

struct Knowledge {
  std::vector<Cause> causes;
  const Cause* with_sign(std::string_view sign) const;
};

Result<Knowledge> parse_knowledge(std::string_view text, const std::string& name);
Result<Knowledge> builtin_knowledge();

// A line of a log and what the knowledge says about it; no cause: nothing.
struct Recognized {
  const Cause* cause = nullptr;
  std::vector<std::string> holes;
  LogLine line;

  bool is(Cause::Role role) const { return cause && cause->role == role; }
};

// The first row in the table's order that has a text of the line and whose other conditions hold in this log.
Recognized recognize(const Knowledge& knowledge, const CriuLog& log, const LogLine& line);

// The texts that share the most words with the line, best first; only plausible ones.
std::vector<std::string> nearest_texts(const Knowledge& knowledge, std::string_view line,
                                       std::size_t most = 3);

}  // namespace cg

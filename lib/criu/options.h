// The options of CRIU's command line, version by version, and what is wrong with combinations of them.
// Both are data (recipes/criu-options.toml); this reads and checks it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "criu/version.h"
#include "report/report.h"

namespace cg {

enum class ArgumentKind { none, optional, required };

// A value that an option takes: '*' stands for any text, '?' for one character, '#' for digits.
struct OptionValue {
  std::string pattern;
  VersionRange criu;
};

struct CriuOption {
  std::string name;  // "leave-running"
  char letter = 0;   // 'R'; 0: none
  ArgumentKind argument = ArgumentKind::none;
  bool negatable = false;            // has a form --no-NAME
  VersionRange criu;                 // the versions that know it
  std::vector<std::string> actions;  // where its value is read; empty: everywhere
  std::string if_unread;             // what CRIU says at another action; empty: nothing, it is not read
  std::vector<OptionValue> values;   // empty: anything
  std::string form;                  // "pid", "port", "fd", "number", "size", ...; empty: anything
  std::string if_invalid;            // what CRIU says to another value
  std::string what;
  std::string source;
};

// A condition on a command line: "name" or "name=PATTERN"; with a leading '!' it must not be there.
struct OptionCondition {
  std::string name;
  std::optional<std::string> pattern;
  bool absent = false;
};

struct CombinationRule {
  std::string id;
  Verdict verdict = Verdict::fail;
  VersionRange criu;
  std::vector<std::string> actions;   // empty: every one
  std::vector<OptionCondition> when;  // all must hold
  std::string title;
  std::string breaks;
  std::string fix;
  std::string source;
};

struct OptionTable {
  std::vector<std::string> actions;
  std::vector<CriuOption> options;
  std::vector<CombinationRule> rules;
  // Names that CRIU never had on its command line though people try them, with what to use instead.
  std::vector<std::pair<std::string, std::string>> never;

  const CriuOption* find(std::string_view name) const;  // a name without dashes, whatever the version
};

Result<OptionTable> parse_option_table(std::string_view text, const std::string& name);
// The table compiled into the program.
std::string_view builtin_options_text();
Result<OptionTable> builtin_option_table();

// Whether `text` is what `pattern` says: '*' any text, '?' one character, '#' one or more digits.
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace cg

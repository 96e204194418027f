// A criu command line, taken apart as getopt_long(3) does it for a given version, and judged.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "criu/options.h"

namespace cg {

struct GivenOption {
  std::string written;  // as it stands in the command: "-t", "--tre=7"
  std::string name;     // the full name: "tree"
  std::optional<std::string> value;
  bool negated = false;  // --no-NAME
};

// A word that CRIU stops at while it reads its options.
struct CommandProblem {
  enum class Kind { unknown_option, ambiguous_option, value_missing, value_unexpected, one_dash } kind;
  std::string word;
  std::string name;  // without dashes and value
};

struct CriuCommand {
  std::string program;  // "criu", "/usr/sbin/criu"; empty: the command began with an option or an action
  std::string action;   // "dump"; empty: none was given
  std::vector<GivenOption> options;
  std::vector<std::string> rest;  // words behind the action that are no options
  std::vector<CommandProblem> problems;

  bool has(std::string_view name) const;  // given, and not taken back by --no-NAME behind it
  std::optional<std::string> value(std::string_view name) const;  // the last one; nullopt: not given or bare
  std::vector<std::string> values(std::string_view name) const;   // all, in order
};

// Words of one argument vector, with or without the program's name in front.
CriuCommand parse_criu_command(const OptionTable& table, const Version& version,
                               const std::vector<std::string>& words);

// What is wrong with the command for this version: unknown options, wrong values, options that the action
// does not read, and the combinations of the table's rules. Empty: nothing.
std::vector<Finding> judge_criu_command(const OptionTable& table, const Version& version,
                                        const CriuCommand& command);

}  // namespace cg

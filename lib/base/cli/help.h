// The help texts, made of what a tool says of its commands.
#pragma once

#include <string>

#include "base/cli/command.h"

namespace cg {

// Of the tool (`command` is null) or of one of its commands; no line is longer than 100 columns.
std::string help_text(const Tool& tool, const Command* command);

// "tool make [OPTION...] FILE..."
std::string usage_words(const Tool& tool, const Command* command);

// What stands where the option is not given; "" where that says nothing.
std::string default_of(const Option& option);

// An option's words taken apart.
enum class Values { none, one, at_most_one, several };
struct OptionWords {
  std::vector<std::string> names;  // {"-o", "--output"}; {"IMAGE"} of a word at its place
  std::string value;               // "FILE", "N", "auto|none"; "" of a flag
  Values values = Values::none;
  bool is_positional = false;
};
OptionWords words_of(const Option& option);

// --format, --color, -q, -v and --cache, whose values go to the tool's CommonOptions; none when it has none.
std::vector<Option> common_options(const Tool& tool);

}  // namespace cg

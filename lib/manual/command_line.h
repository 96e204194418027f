// A tool's command line as `TOOL help --format json` prints it (docs/command-line.schema.json), as plain
// data: what manual pages and completions are made of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg::manual {

struct Entry {
  std::string name;
  std::string about;
};

struct Word {
  std::vector<std::string> names;  // {"-o", "--output"}; {"IMAGE"} of a word at its place
  std::string kind;                // flag, number, path or text
  std::string values;              // none, one, at_most_one or several
  std::string value;               // "FILE"
  std::string help;
  std::string default_text;
  bool required = false;
  bool repeated = false;
  std::vector<Entry> known;  // the names it may be
  bool only_known = false;   // and no other

  bool is_positional() const { return !names.front().starts_with('-'); }
  bool takes_value() const { return values != "none"; }
};

// What is said of a tool itself and of each of its commands.
struct Part {
  std::string name;   // "tree"; of the tool itself: its name
  std::string usage;  // "kcheck tree [OPTION...] PID"
  std::string help;
  std::string about_words;
  std::string notes;
  std::vector<Word> words;  // at their places
  std::vector<Word> options;
  std::vector<Entry> examples;
  std::vector<Entry> files;
  bool takes_another_command = false;
};

struct CommandLine : Part {
  std::string version;
  std::vector<Part> commands;
  std::vector<Word> shared;  // options of every tool
  std::vector<Entry> exit_statuses;
  std::vector<Entry> variables;

  // Of a command, its own first; null: of the tool itself.
  std::vector<Word> options_with_shared(const Part* command) const;
};

Result<CommandLine> parse_command_line(std::string_view json, const std::string& name);

// What a shell offers for a value.
enum class Offer { names, files, directories, nothing };
Offer offer_of(const Word& word);

}  // namespace cg::manual

// A command line as data: which commands a tool has, which words they take and where those go. cli.h reads
// command lines by it, help.h writes help texts of it, and describe.h all that a manual or a shell's
// completion needs.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/environment.h"
#include "base/result.h"

namespace cg {

struct CommonOptions {
  std::string format = "text";
  std::string output;  // -o; empty: standard output
  std::string color = "auto";
  bool quiet = false;
  int verbose = 0;
  std::string cache;  // --cache
};

// What a command sees when it runs.
struct Context {
  const CommonOptions& options;
  Environment& env;
};

// A name that may be given, or that is looked for, and what it is.
struct Named {
  std::string name;
  std::string about;
};

// What only some options have.
struct OptionTraits {
  struct Range {
    double least, most;
  };
  std::vector<std::string> choices = {};
  std::optional<Range> range = {};  // of numbers
  bool required = false;
  bool counted = false;          // an int that says how many times a flag was given
  bool* given = nullptr;         // was it on the command line, with or without a value?
  std::size_t least_values = 1;  // behind one mention of an option that takes several
  bool is_no_stream = false;     // a directory: its value may not be "-"
  std::string needs = {};        // the name of an option that has to be there as well
  std::string excludes = {};     // ... that cannot be there as well
  // Names that its value may be and others may be, too: for manuals and completions.
  std::function<std::vector<Named>(const Environment&)> known = {};
  std::string default_text = {};  // said in place of a default that is this machine's own
};

struct Option {
  // Where the value goes. What it holds before is the default: the only one there is.
  using Target =
      std::variant<bool*, int*, unsigned*, std::size_t*, double*, std::string*, std::filesystem::path*,
                   std::optional<unsigned>*, std::optional<double>*, std::vector<std::string>*>;

  // As a usage line has it: "-o,--output FILE"; "--fragments FILE..." takes several values at once;
  // "--criu[=VERSION]" may stand without one; a word without dashes ("IMAGE") stands at its place.
  std::string words;
  Target to;
  std::string help;
  OptionTraits traits = {};
};

struct Example {
  std::string words;  // as they are typed
  std::string about;
};

struct Command {
  std::string name;
  std::string help;  // one sentence
  std::vector<Option> options = {};
  std::vector<Example> examples = {};
  std::string notes = {};         // what the help says at the end
  std::vector<Named> files = {};  // what it reads or writes unasked; of a tool: all its commands
  // Which words are meant, and how to come by them: said when one is missing or there is one too many.
  std::string about_words = {};
  // The words behind "--", where they are another program's and not the tool's own.
  std::vector<std::string>* passthrough = nullptr;
  std::function<Result<int>(Context&)> run =
      {};  // the exit status; empty: one of the tool's commands has to be given
};

// The tool itself: what it takes and does without a command, and its commands.
struct Tool : Command {
  enum class Repeated { refused, last_counts };

  std::vector<Command> commands = {};
  CommonOptions* common = nullptr;  // of each tool that a user calls
  std::vector<std::string> formats = {"text", "json"};
  std::function<std::string()> version = {};  // empty: NAME VERSION
  Repeated repeated = Repeated::refused;      // an option with one value that is given again
  std::vector<std::pair<std::string, std::string>> exit_statuses = {
      {"0", "good"},
      {"1", "the answer is no, or an input was refused"},
      {"2", "the call's words are off"},
      {"3", "could not find out, or could not do it"}};
  std::vector<Named> variables = {};  // of the environment, but those that every tool heeds
  int (*status_of)(const Error&) = exit_status;
};

}  // namespace cg

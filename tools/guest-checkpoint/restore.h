// `guest-checkpoint restore`: looks whether it can be, restores, and proves that the tasks run.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/cli/command.h"
#include "stored/record.h"

namespace cg::checkpoint {

struct RestoreWords {
  std::string what;  // a directory or an archive
  bool detach = false;
  std::vector<std::string> maps;  // KEY=PATH
  std::string root;
  std::string criu;
  double timeout = 120;  // seconds
  std::string before, after;
  bool dry_run = false;
  std::vector<std::string> extra;  // options of criu's
};

// The record's restore options with every open question answered.
struct Answered {
  std::vector<std::string> options;
  // What is to be opened for criu, by its key; a number: that descriptor of this process.
  std::map<std::string, std::string> open;
};
// `maps`: KEY -> PATH, of --map. Refused: a question that nobody has answered.
Result<Answered> answer_questions(const Record& record, const std::map<std::string, std::string>& maps,
                                  const std::string& root);
Result<std::map<std::string, std::string>> parse_maps(const std::vector<std::string>& words);

Command restore_command();

}  // namespace cg::checkpoint

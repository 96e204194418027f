// What a checkpoint asks of the place where it comes back, and what is given for it: pipes and mounts that
// the tasks had from outside, and a root directory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "stored/record.h"

namespace cg::checkpoint {

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

// How the tasks had the pipe open that is called "pipe:[33]": O_RDONLY or O_WRONLY; O_RDWR for both, and
// where the images do not tell.
int access_of(const Checkpoint& images, const std::string& key);
// A file for that; what is written goes behind what it holds, and it is made where it is not there.
Result<UniqueFd> open_in_place_of(const std::string& path, int access, const std::string& key);

}  // namespace cg::checkpoint

// The texts that a file of CRIU's sources can write at the level of an error or a warning: its calls of
// pr_err, pr_perror, pr_warn and their like, with the function that they stand in. No C parser: comments and
// preprocessor lines are left out, and adjacent string literals are joined; a macro between them is a hole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "criu/log/log.h"

namespace cg {

struct SourceText {
  enum class Level { error, warning } level = Level::error;
  std::string place;        // "criu/mount.c:1093", as CRIU writes it in front of the text
  std::string function;     // "?" where none was found
  std::string format;       // "Can't open %s", without the newline
  bool with_errno = false;  // pr_perror: the errno's text follows

  // A line of a log as this text makes one, with something in each hole.
  LogLine sample() const;
};

// `name`: "criu/mount.c", the file's path in CRIU's tree.
std::vector<SourceText> source_texts(std::string_view source, const std::string& name);

}  // namespace cg

// A pipe whose other end is outside is dumped without a word, and restored with nobody at the other end.
#include <fcntl.h>
#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "tree/checks/checks.h"

namespace cg::tree {

void check_pipes(const Question& question, Findings& found) {
  struct Pipe {
    bool read = false;
    bool write = false;
    std::vector<std::string> holders;
  };
  std::map<std::string, Pipe> pipes;
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files) {
      if (!file.link.starts_with("pipe:[") || !file.info) continue;
      Pipe& pipe = pipes[file.link];
      const unsigned access = file.info->flags & O_ACCMODE;
      pipe.read |= access != O_WRONLY;
      pipe.write |= access != O_RDONLY;
      if (pipe.holders.size() < 4) pipe.holders.push_back(fmt::format("{} of {}", file.label, task.name()));
      if (file.info->flags & O_DIRECT)
        found.add({"pipe-packets"}, fmt::format("{} of {}", file.label, task.name()));
    }
  for (const auto& [name, pipe] : pipes)
    if (!pipe.read || !pipe.write)
      found.add({"pipe-outside"}, fmt::format("{}: {}", name, join(pipe.holders, ", ")), {{"pipe", name}});
}

}  // namespace cg::tree

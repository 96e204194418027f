// A pipe whose other end is outside is dumped without a word, and restored with nobody at the other end.
#include <fcntl.h>
#include <fmt/format.h>

#include <map>

#include "base/text.h"
#include "tree/checks/checks.h"

namespace cg::tree {

void check_pipes(const Question& question, Hindrances& found) {
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
        found.push_back({.id = "tree.pipe-packets",
                         .title = "a pipe in packet mode",
                         .object = fmt::format("{} of {}", file.label, task.name()),
                         .prints = "The packetized mode for pipes is not supported yet",
                         .fix = "the program must open the pipe without O_DIRECT",
                         .source = "v4.2:criu/pipes.c:490"});
    }
  for (const auto& [name, pipe] : pipes)
    if (!pipe.read || !pipe.write)
      found.push_back({.id = "tree.pipe-outside",
                       .title = "only one end of a pipe is in the tree",
                       .object = fmt::format("{}: {}", name, join(pipe.holders, ", ")),
                       .prints = "nothing: after the restore nobody is at the other end",
                       .fix = fmt::format(
                           "give restore a descriptor of a pipe in its place: --inherit-fd fd[N]:{}", name),
                       .source = "v4.2:criu/pipes.c",
                       .verdict = Verdict::warn,
                       .restore_options = {"--inherit-fd", "fd[N]:" + name}});
}

}  // namespace cg::tree

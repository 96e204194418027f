// A pipe whose other end is outside is dumped without a word, and restored with nobody at the other end.
#include <fcntl.h>
#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "base/text.h"
#include "tasks/checks/checks.h"

namespace cg::tree {

void check_pipes(const Question& question, Findings& found) {
  struct Pipe {
    bool read = false;
    bool write = false;
    std::vector<std::pair<const Task*, const OpenFile*>> holders;  // the first few
  };
  const auto words = [](const Task& task, const OpenFile& file) {
    return fmt::format("{} of {}", file.label, task.name());
  };
  std::unordered_map<std::string_view, Pipe> pipes;
  std::vector<std::string_view> order;
  for (const auto& task : question.tree.tasks)
    for (const auto& file : task.files) {
      if (!file.link.starts_with("pipe:[") || !file.info) continue;
      const auto [place, fresh] = pipes.try_emplace(file.link);
      if (fresh) order.emplace_back(file.link);
      Pipe& pipe = place->second;
      const unsigned access = file.info->flags & O_ACCMODE;
      pipe.read |= access != O_WRONLY;
      pipe.write |= access != O_RDONLY;
      if (pipe.holders.size() < 4) pipe.holders.emplace_back(&task, &file);
      if (file.info->flags & O_DIRECT) found.add({"pipe-packets"}, words(task, file));
    }
  for (const auto name : order) {
    const Pipe& pipe = pipes[name];
    if (pipe.read && pipe.write) continue;
    std::vector<std::string> holders;
    for (const auto& [task, file] : pipe.holders) holders.push_back(words(*task, *file));
    found.add({"pipe-outside"}, fmt::format("{}: {}", name, join(holders, ", ")),
              {{"pipe", std::string(name)}});
  }
}

}  // namespace cg::tree

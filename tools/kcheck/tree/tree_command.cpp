#include "tree/tree_command.h"

#include <limits>
#include <memory>
#include <optional>
#include <utility>

namespace cg {

TreeSystem tree_system_with(WithTrial trial, const Matrix& matrix, const std::string& binary) {
  TreeSystem system = real_tree_system(matrix);
  if (trial == WithTrial::yes)
    system.trial = [binary](const Version& version) -> Result<std::optional<Trial>> {
      CG_TRY(result, trial_of(binary, version));
      return result;
    };
  return system;
}

Command tree_command(KcheckOptions& options) {
  const auto command = std::make_shared<TreeCommand>();
  return {.name = "tree",
          .help = "Would `criu dump` of a process tree be refused or hang, and what command works?",
          .options = {{"PID",
                       &command->pid,
                       "The root of the tree, as seen from here; of a container that is its init",
                       {.range = {{1, std::numeric_limits<int>::max()}}, .required = true}},
                      {"--spec FILE", &command->spec,
                       "The OCI runtime spec (config.json) that names the bind mounts"}},
          .examples = {{"kcheck tree 126 --criu 4.2.1",
                        "what stands in the way, and the commands that dump and restore"},
                       {"kcheck tree 126 -- criu dump -t 126 --shell-job",
                        "judges this command instead of a proposal"}},
          .about_words =
              "a tree is named by the one process at its root, of a container its init: the one whose "
              "parent (ps -o ppid= -p PID) is none of the container's; `pgrep -o NAME` is the oldest of "
              "that name",
          .passthrough = &options.passthrough,
          .run = [command, &options](Context& context) -> Result<int> {
            CG_TRY(matrix, load_matrix(options));
            CG_TRY(choice, choose_version(options, real_system(matrix), options.criu_binary));
            const auto trial = options.with_trial ? WithTrial::yes : WithTrial::no;
            const auto system = tree_system_with(trial, matrix, options.criu_binary);
            return deliver(check_tree(options, *command, choice.version, system), options, context.env);
          }};
}

Result<Report> check_tree(const KcheckOptions& options, const TreeCommand& command, const Version& criu,
                          const TreeSystem& system) {
  CG_TRY(answer, tree::preflight({command.pid, command.spec, options.passthrough}, criu, system));
  return Report{"tree", criu.text(), {std::move(answer.subject)}};
}

}  // namespace cg

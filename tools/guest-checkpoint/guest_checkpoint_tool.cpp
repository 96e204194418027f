#include "guest_checkpoint_tool.h"

#include "base/cli/cli.h"
#include "dump.h"
#include "restore.h"
#include "status.h"

namespace cg {

int guest_checkpoint_main(const Args& args, Environment& env) {
  CommonOptions common;
  Tool tool;
  tool.name = "guest-checkpoint";
  tool.help =
      "Takes a checkpoint of a process tree with CRIU and brings it back: asks first, touches nothing when "
      "the answer "
      "is no, and leaves no task stopped and no half checkpoint behind, whatever happens.";
  tool.common = &common;
  tool.exit_statuses = {{"0", "done; of a restore without --detach, the restored root's own"},
                        {"1", "the answer is no: nothing was touched"},
                        {"2", "the call's words are off"},
                        {"3", "it could not be done; the tasks run on, or the images are as they were"}};
  tool.files = {
      {"DIR/guest-checkpoint.json", "in a checkpoint: of what it was taken, how, and what came of it"}};
  tool.commands = {checkpoint::dump_command(), checkpoint::restore_command(), checkpoint::status_command()};
  return run_commands(tool, args, env);
}

}  // namespace cg

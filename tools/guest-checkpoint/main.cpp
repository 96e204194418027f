#include "base/cli/cli.h"
#include "commit.h"
#include "guest_checkpoint_tool.h"

int main(int argc, char** argv) {
  // criu calls this very program when a dump is written, before it lets the tasks go.
  if (cg::is_called_by_criu()) return cg::commit_for_criu();
  return cg::run_tool(argc, argv, cg::guest_checkpoint_main);
}

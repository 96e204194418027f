#include "base/cli/cli.h"
#include "rootfs_builder_tool.h"

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::rootfs_builder_main);
}

#include "base/cli/cli.h"
#include "kernel_builder_tool.h"

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::kernel_builder_main);
}

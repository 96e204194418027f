#include "base/cli/cli.h"
#include "criu_builder_tool.h"

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::criu_builder_main);
}

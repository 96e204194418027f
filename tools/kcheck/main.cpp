#include "base/cli/cli.h"
#include "kcheck_tool.h"

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::kcheck_main);
}

#include "base/cli.h"
#include "guest_run_tool.h"

int main(int argc, char** argv) {
  return cg::run_tool(argc, argv, cg::guest_run_main);
}

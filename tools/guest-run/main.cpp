#include <fcntl.h>
#include <unistd.h>

#include "base/cli/cli.h"
#include "guest_run_tool.h"

int main(int argc, char** argv) {
  // Started with a closed standard stream, the next file opened would take its number and be mistaken for it.
  // Read-only, so that output to a closed stream still fails.
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && fd <= 2) fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd > 2) close(fd);
  return cg::run_tool(argc, argv, cg::guest_run_main);
}

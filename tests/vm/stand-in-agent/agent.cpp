// Stands where Kata's agent stands, so that a test sees systemd start what was put into the image: it leaves
// a word under /run and on the console, and stays.
#include <unistd.h>

#include <cstdio>

int main() {
  if (std::FILE* file = std::fopen("/run/stand-in-agent", "w")) {
    std::fprintf(file, "started with parent %d\n", static_cast<int>(getppid()));
    std::fclose(file);
  }
  std::printf("stand-in agent: parent %d\n", static_cast<int>(getppid()));
  std::fflush(stdout);
  for (;;) pause();
}

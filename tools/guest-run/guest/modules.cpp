#include "modules.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "system.h"

namespace cg::guest {

std::string load_modules(const std::string& directory) {
  std::string failures;
  for (const auto& name : list_directory(directory)) {
    const std::string path = directory + "/" + name;
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
      failures += (failures.empty() ? "" : "; ") + error_text(name, errno);
    if (fd >= 0) close(fd);
    unlink(path.c_str());
  }
  rmdir(directory.c_str());
  return failures;
}

}  // namespace cg::guest

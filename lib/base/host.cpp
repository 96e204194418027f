#include "base/host.h"

#include <sys/utsname.h>

namespace cg {

std::string host_machine() {
  utsname names{};
  return uname(&names) == 0 ? names.machine : "";
}

std::string host_release() {
  utsname names{};
  return uname(&names) == 0 ? names.release : "";
}

}  // namespace cg

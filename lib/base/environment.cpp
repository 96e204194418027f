#include "base/environment.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

namespace cg {

Environment process_environment() {
  return Environment{std::cout,
                     std::cerr,
                     std::cin,
                     [](std::string_view name) -> std::optional<std::string> {
                       const char* value = std::getenv(std::string(name).c_str());
                       return value ? std::optional<std::string>(value) : std::nullopt;
                     },
                     isatty(STDOUT_FILENO) == 1,
                     isatty(STDERR_FILENO) == 1};
}

std::filesystem::path cache_directory(const Environment& env, const std::string& override_path) {
  if (!override_path.empty()) return override_path;
  if (auto own = env.variable("CRIU_GUEST_CACHE"); own && !own->empty()) return *own;
  if (auto xdg = env.variable("XDG_CACHE_HOME"); xdg && !xdg->empty())
    return std::filesystem::path(*xdg) / "criu-guest";
  return std::filesystem::path(env.variable("HOME").value_or("/root")) / ".cache" / "criu-guest";
}

}  // namespace cg

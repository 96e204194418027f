#include "image/image_programs.h"

#include <algorithm>

#include "criu/versions.h"

namespace cg {

std::vector<Version> versions_in(std::string_view binary) {
  std::vector<Version> found;
  for (const auto& version : criu_versions().all) {
    const std::string needle = std::string(1, '\0') + version.text() + std::string(1, '\0');
    if (binary.contains(needle)) found.push_back(version);
  }
  return found;
}

}  // namespace cg

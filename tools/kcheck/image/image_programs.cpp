#include "image/image_programs.h"

namespace cg {

std::vector<Version> versions_in(std::string_view binary) {
  std::vector<Version> found;
  for (const auto& version : known_criu_versions()) {
    const std::string needle = std::string(1, '\0') + version.text() + std::string(1, '\0');
    if (binary.contains(needle)) found.push_back(version);
  }
  return found;
}

}  // namespace cg

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

std::string kernel_release_of(std::string_view bytes) {
  const auto word_at = [&](std::size_t at) {
    const std::string_view rest = bytes.substr(std::min(at, bytes.size()), 128);
    return std::string(rest.substr(0, rest.find_first_of(std::string_view(" \0\n", 3))));
  };
  // Documentation/arch/x86/boot.rst: "HdrS" at 0x202, and at 0x20e the offset, from 0x200, of the version
  // string.
  if (bytes.size() > 0x210 && bytes.substr(0x202, 4) == "HdrS") {
    const auto low = static_cast<unsigned char>(bytes[0x20e]);
    const auto high = static_cast<unsigned char>(bytes[0x20f]);
    return word_at(0x200U + low + 256U * high);
  }
  constexpr std::string_view banner = "Linux version ";
  for (std::size_t at = bytes.find(banner); at != std::string_view::npos; at = bytes.find(banner, at + 1)) {
    const std::string word = word_at(at + banner.size());
    if (leading_version(word)) return word;
  }
  return "";
}

}  // namespace cg

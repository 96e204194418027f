// A bit flipped in a file of a release, and whether `make release-verify` names that file and no other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/process.h"
#include "base/text.h"

namespace cg {

// Twice: as it was.
inline void flip_bit(const std::filesystem::path& file, std::uintmax_t at) {
  std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
  stream.seekg(static_cast<std::streamoff>(at));
  const int byte = stream.get();
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(static_cast<char>(byte ^ 2));
}

// "" when the flipped bit was found and named, else what was said.
inline std::string said_of_flip(const std::filesystem::path& release, const std::string& name,
                                std::uintmax_t at, const ProcessResult& result) {
  const std::string all = name + " at " + std::to_string(at) + ": " + std::to_string(result.status) + "\n" +
                          result.out + result.err;
  if (result.status != 1) return all;
  if (!result.out.starts_with(name + ": ") && !result.out.contains("\n" + name + ": ")) return all;
  // Nothing else is said to differ; but what SHA256SUMS signs is no longer signed.
  for (const auto line : split_lines(result.out))
    if (!line.starts_with(name + ": ") && !line.starts_with("SHA256SUMS") &&
        !line.starts_with(release.string() + ": "))
      return all;
  return "";
}

}  // namespace cg

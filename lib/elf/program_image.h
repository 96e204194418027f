// A program as it lies in memory before it runs: what stands at an address, with the pointers that the loader
// would fill in. For tables that a program has as data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cg {

class ProgramImage {
 public:
  struct Section {
    std::string name;
    std::uint64_t address = 0;
    std::size_t offset = 0;  // in the file
    std::size_t size = 0;    // bytes
    bool writable = false;   // or read-only after the relocations: .data.rel.ro
    bool executable = false;
  };

  // 64-bit little-endian programs only: refused for others, and for what is damaged.
  static Result<ProgramImage> read(const std::filesystem::path& path);
  static Result<ProgramImage> parse(std::string bytes, const std::string& name);

  // What is loaded and has contents.
  const std::vector<Section>& sections() const { return sections_; }
  std::string_view bytes_of(const Section& section) const;
  // As many as there are, up to `most`; empty: nothing is there.
  std::string_view bytes_at(std::uint64_t address, std::size_t most) const;
  // 0 where nothing is.
  std::uint64_t pointer_at(std::uint64_t address) const;
  std::uint32_t number_at(std::uint64_t address) const;
  // Up to its NUL; empty where there is none within `most` bytes.
  std::string_view string_at(std::uint64_t address, std::size_t most) const;

 private:
  std::string bytes_;
  std::vector<Section> sections_;
  std::map<std::uint64_t, std::uint64_t> relocated_;  // the pointer at an address
};

}  // namespace cg

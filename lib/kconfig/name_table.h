// Names to indices, fast: open addressing over views of names that outlive the table.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace cg::kconfig {

using Index = std::uint32_t;
inline constexpr Index none = 0xffffffff;

class NameTable {
 public:
  NameTable();
  // The index stored for `name`, or `fresh` after storing that.
  Index intern(std::string_view name, Index fresh);
  Index find(std::string_view name) const;  // none when absent
  void reserve(std::size_t names);
  std::size_t size() const { return used_; }

 private:
  struct Slot {
    const char* data = nullptr;
    std::uint32_t length = 0;
    Index index = none;
  };
  std::size_t slot_of(std::string_view name) const;
  void resize(std::size_t slots);
  std::vector<Slot> slots_;
  std::size_t used_ = 0;
};

}  // namespace cg::kconfig

// The GNU build-id of an ELF file, from as few of its bytes as will do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace cg::restore {

// `read` gives up to `most` bytes from `offset` on, fewer only at the file's end. Hexadecimal; "": it has
// none, or is no ELF file for this machine.
std::string build_id(const std::function<std::string(std::uint64_t offset, std::size_t most)>& read);

}  // namespace cg::restore

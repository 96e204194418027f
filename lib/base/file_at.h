// Whole reads and writes at an offset, whatever a signal or the file system splits them into.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

namespace cg {

// How many bytes were read: fewer than asked for only where the file ends. Or the errno.
std::expected<std::size_t, int> read_at(int fd, std::span<std::byte> into, std::uint64_t offset);
// 0 or the errno.
int write_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset);

}  // namespace cg

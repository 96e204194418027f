// How large an image shall be, and how many inodes and journal blocks a file system of that size gets.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace cg::image {

struct SizePolicy {
  std::optional<std::uint64_t> fixed;  // bytes; otherwise what the content needs,
  std::uint64_t extra = 0;             // and so many free bytes more
};

// "auto", "auto+64M", "512M", "1G", "1.5G", "268435456"; K, M, G and T are powers of 1024.
Result<SizePolicy> parse_size_policy(std::string_view text);
Result<std::uint64_t> parse_size(std::string_view text);

// The sizes mke2fs gives, so that guests behave as with its file systems; 0: too small for a journal.
std::uint64_t default_journal_blocks(std::uint64_t total_blocks);

}  // namespace cg::image

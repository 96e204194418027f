// The compressions of kernels, of their initial RAM disks and of configurations, told apart by their first
// bytes.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace cg {

// lz4 is the legacy frame of `lz4 -l`, which is the only one the kernel knows; lz4_frame is the other.
enum class Codec { gzip, xz, zstd, lzma, lz4, bzip2, lzop, lz4_frame };
std::string_view to_string(Codec codec);

struct CodecMark {
  std::string_view bytes;
  Codec codec;
};
std::span<const CodecMark> codec_marks();

// How many bytes codec_of() wants to see.
inline constexpr std::size_t codec_mark_bytes = 9;
std::optional<Codec> codec_of(std::string_view front);

}  // namespace cg

// The compressions that a kernel takes its initial RAM disk in, told apart by their first bytes.
#pragma once

#include <optional>
#include <string_view>

namespace cg {

// lz4 is the legacy frame of `lz4 -l`, which is the only one the kernel knows; lz4_frame is the other.
enum class Codec { gzip, xz, zstd, lzma, lz4, bzip2, lzop, lz4_frame };
std::string_view to_string(Codec codec);

// How many bytes codec_of() wants to see.
inline constexpr std::size_t codec_mark_bytes = 6;
std::optional<Codec> codec_of(std::string_view front);

}  // namespace cg

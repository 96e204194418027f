// What an initrd may be written in: of all that kernels unpack, what has an encoder here.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"
#include "compress/codec.h"

namespace cg::image {

enum class Compression { none, gzip, zstd, xz, lzma };
Result<Compression> parse_compression(std::string_view text);
std::optional<Codec> codec_of(Compression compression);
// Nothing where that is not written here.
std::optional<Compression> compression_of(Codec codec);

}  // namespace cg::image

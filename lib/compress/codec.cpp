#include "compress/codec.h"

namespace cg {
namespace {

using namespace std::string_view_literals;

// LZMA has no magic: a properties byte and a dictionary size that is a power of two.
constexpr CodecMark marks[] = {{"\x1f\x8b\x08"sv, Codec::gzip},
                               {"\xfd"
                                "7zXZ\0"sv,
                                Codec::xz},
                               {"\x28\xb5\x2f\xfd"sv, Codec::zstd},
                               {"\x02\x21\x4c\x18"sv, Codec::lz4},
                               {"\x04\x22\x4d\x18"sv, Codec::lz4_frame},
                               {"BZh"sv, Codec::bzip2},
                               {"\x5d\0\0"sv, Codec::lzma},
                               {"\x89LZO\0\r\n\x1a\n"sv, Codec::lzop}};

}  // namespace

std::string_view to_string(Codec codec) {
  static constexpr std::string_view names[] = {"gzip", "xz",    "zstd", "lzma",
                                               "lz4",  "bzip2", "lzop", "lz4 (frame)"};
  return names[static_cast<std::size_t>(codec)];
}

std::span<const CodecMark> codec_marks() {
  return marks;
}

std::optional<Codec> codec_of(std::string_view front) {
  for (const CodecMark& mark : marks)
    if (front.starts_with(mark.bytes)) return mark.codec;
  return std::nullopt;
}

}  // namespace cg

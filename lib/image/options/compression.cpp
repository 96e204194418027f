#include "image/options/compression.h"

#include <fmt/format.h>

#include "base/text.h"

namespace cg::image {
namespace {

struct CompressionName {
  std::string_view name;
  std::optional<Codec> codec;
};
constexpr CompressionName names[] = {{"none", std::nullopt},
                                     {"gzip", Codec::gzip},
                                     {"zstd", Codec::zstd},
                                     {"xz", Codec::xz},
                                     {"lzma", Codec::lzma}};

}  // namespace

Result<Compression> parse_compression(std::string_view text) {
  std::vector<std::string> known;
  for (const CompressionName& entry : names) {
    if (entry.name == text) return static_cast<Compression>(&entry - names);
    known.emplace_back(entry.name);
  }
  return usage_error(
      fmt::format("compression '{}': not one of {}{}", text, join(known, ", "), did_you_mean(text, known)));
}

std::optional<Codec> codec_of(Compression compression) {
  return names[static_cast<std::size_t>(compression)].codec;
}

std::optional<Compression> compression_of(Codec codec) {
  for (const CompressionName& entry : names)
    if (entry.codec == codec) return static_cast<Compression>(&entry - names);
  return std::nullopt;
}

}  // namespace cg::image

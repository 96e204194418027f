#include "compress/unpack.h"

#include <fmt/format.h>

#include <vector>

#include "compress/decoder.h"

namespace cg {
namespace {

constexpr std::size_t piece_bytes = 256 << 10;
constexpr std::size_t appended_size_bytes = 4;  // Linux scripts/Makefile.lib: size_append

}  // namespace

Result<void> unpack_stream(std::string_view bytes, const std::string& name, std::uint64_t limit,
                           const std::function<bool(std::string_view piece)>& take) {
  const auto codec = codec_of(bytes);
  if (!codec) return refused(name + ": not compressed by anything known");
  std::vector<char> piece(piece_bytes);
  std::size_t filled = 0;
  std::uint64_t total = 0;
  do {
    const auto decoder = Decoder::make(*codec);
    for (bool done = false; !done;) {
      const auto step = decoder->step(std::as_bytes(std::span(bytes)), Decoder::Rest::none,
                                      std::as_writable_bytes(std::span(piece)).subspan(filled));
      if (!step) return std::unexpected(Error{step.error().kind, name + ": " + step.error().message});
      bytes.remove_prefix(step->taken);
      filled += step->made;
      total += step->made;
      done = step->done;
      if (total > limit) return refused(fmt::format("{}: unpacks to more than {} bytes", name, limit));
      if (filled < piece.size()) continue;
      if (!take({piece.data(), filled})) return {};
      filled = 0;
    }
  } while (bytes.size() > appended_size_bytes && codec_of(bytes) == codec);
  if (filled > 0) take({piece.data(), filled});
  return {};
}

Result<std::string> unpack_whole(std::string_view bytes, const std::string& name, std::uint64_t limit) {
  std::string text;
  CG_CHECK(unpack_stream(bytes, name, limit, [&](std::string_view piece) {
    text += piece;
    return true;
  }));
  return text;
}

}  // namespace cg

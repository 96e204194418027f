#include "kconfig/gunzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace cg {
namespace {

constexpr std::size_t piece_size = 256 << 10;

}  // namespace

bool is_gzip(std::string_view bytes) {
  return bytes.starts_with("\x1f\x8b");
}

Result<void> gunzip_stream(std::string_view bytes, const std::string& name, std::size_t limit,
                           const std::function<bool(std::string_view piece)>& take) {
  if (!is_gzip(bytes)) return refused(name + ": not gzip data");
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK)
    return cannot(name + ": zlib could not start");  // 16: gzip header
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  const auto buffer = std::make_unique_for_overwrite<char[]>(piece_size);
  std::size_t total = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    if (stream.avail_in == 0) {
      const std::size_t size = std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream.avail_in = static_cast<uInt>(size);
      bytes.remove_prefix(size);
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.get());
    stream.avail_out = piece_size;
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t size = piece_size - stream.avail_out;
    total += size;
    if (total > limit) return refused(fmt::format("{}: unpacks to more than {} bytes", name, limit));
    if (size > 0 && !take({buffer.get(), size})) return {};
  }
  if (status == Z_BUF_ERROR) return refused(name + ": the gzip data is cut short");
  if (status != Z_STREAM_END) return refused(name + ": the gzip data is damaged");
  return {};
}

Result<std::string> gunzip(std::string_view bytes, const std::string& name, std::size_t limit) {
  std::string text;
  CG_CHECK(gunzip_stream(bytes, name, limit, [&](std::string_view piece) {
    text += piece;
    return true;
  }));
  return text;
}

}  // namespace cg

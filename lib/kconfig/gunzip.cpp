#include "kconfig/gunzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>

namespace cg {

bool is_gzip(std::string_view bytes) { return bytes.starts_with("\x1f\x8b"); }

Result<std::string> gunzip(std::string_view bytes, const std::string& name, std::size_t limit) {
  if (!is_gzip(bytes)) return refused(name + ": not gzip data");
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return cannot(name + ": zlib could not start");  // 16: gzip header
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  std::array<char, 1 << 16> buffer;
  int status = Z_OK;
  while (status == Z_OK && text.size() <= limit) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(buffer.data(), buffer.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (text.size() > limit) return refused(fmt::format("{}: unpacks to more than {} bytes", name, limit));
  if (status == Z_BUF_ERROR) return refused(name + ": the gzip data is cut short");
  if (status != Z_STREAM_END) return refused(name + ": the gzip data is damaged");
  return text;
}

}  // namespace cg

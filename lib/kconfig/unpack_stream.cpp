#include "kconfig/unpack_stream.h"

#include <archive.h>
#include <fmt/format.h>

#include <memory>

#include "kconfig/gunzip.h"
#include "kconfig/lzop.h"

namespace cg {
namespace {

using namespace std::string_view_literals;

struct Mark {
  std::string_view bytes;
  std::string_view name;
  int (*filter)(archive*);
};
// LZ4: the kernel uses the legacy frame. LZMA: the properties byte and a dictionary size that is a power of
// two.
constexpr Mark marks[] = {
    {"\x1f\x8b\x08"sv, "gzip", nullptr},  // by zlib itself: libarchive does not look at the checksum
    {"\xfd"
     "7zXZ\0"sv,
     "xz", archive_read_support_filter_xz},
    {"\x28\xb5\x2f\xfd"sv, "zstd", archive_read_support_filter_zstd},
    {"\x02\x21\x4c\x18"sv, "lz4", archive_read_support_filter_lz4},
    {"\x04\x22\x4d\x18"sv, "lz4", archive_read_support_filter_lz4},
    {"BZh"sv, "bzip2", archive_read_support_filter_bzip2},
    {"\x5d\0\0"sv, "lzma", archive_read_support_filter_lzma},
    {"\x89LZO\0\r\n\x1a\n"sv, "lzop", nullptr},  // libarchive would start another program for it
};

const Mark* mark_of(std::string_view bytes) {
  for (const Mark& mark : marks)
    if (bytes.starts_with(mark.bytes)) return &mark;
  return nullptr;
}

}  // namespace

std::string_view compression_of(std::string_view bytes) {
  const Mark* mark = mark_of(bytes);
  return mark ? mark->name : "";
}

Result<void> unpack_stream(std::string_view bytes, const std::string& name, std::uint64_t limit,
                           const std::function<bool(std::string_view piece)>& take) {
  const Mark* mark = mark_of(bytes);
  if (!mark) return refused(name + ": not compressed by anything known");
  if (mark->name == "gzip") return gunzip_stream(bytes, name, limit, take);
  if (mark->name == "lzop") return unlzop_stream(bytes, name, limit, take);
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  if (!reader) return cannot(name + ": libarchive could not start");
  mark->filter(reader.get());
  archive_read_support_format_raw(reader.get());
  const auto damaged = [&] {
    const char* why = archive_error_string(reader.get());
    return refused(fmt::format("{}: the {} data is damaged or cut short ({})", name, mark->name,
                               why ? why : "no reason given"));
  };
  archive_entry* entry = nullptr;
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return damaged();
  std::uint64_t total = 0;
  for (;;) {
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader.get(), &block, &size, &offset);
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return damaged();
    total += size;
    if (total > limit) return refused(fmt::format("{}: unpacks to more than {} bytes", name, limit));
    if (!take({static_cast<const char*>(block), size})) return {};
  }
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

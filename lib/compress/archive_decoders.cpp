#include "compress/archive_decoders.h"

#include <archive.h>

#include <string>

namespace cg {

Result<void> support_decoders(archive* reader) {
  struct Decoder {
    const char* name;
    int (*support)(archive*);
  };
  for (const auto& [name, support] : {Decoder{"gzip", archive_read_support_filter_gzip},
                                      {"bzip2", archive_read_support_filter_bzip2},
                                      {"xz", archive_read_support_filter_xz},
                                      {"lzma", archive_read_support_filter_lzma},
                                      {"zstd", archive_read_support_filter_zstd},
                                      {"lz4", archive_read_support_filter_lz4}})
    // ARCHIVE_WARN: by a program.
    if (support(reader) != ARCHIVE_OK) return cannot(std::string("this machine's libarchive lacks ") + name);
  return {};
}

}  // namespace cg
